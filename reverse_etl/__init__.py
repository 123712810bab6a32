"""activation → destinations: plan, ledger, guards."""
