"""What was learnt: explanations of a run that read the ledger only."""
