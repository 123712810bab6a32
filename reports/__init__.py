"""published version, ledger, model cards → one page a run, for whoever would rather look than read."""
