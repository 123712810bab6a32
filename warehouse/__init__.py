"""Where things are: settings, contracts, names, ledger, run and publish; the one package stages share."""
