"""Training runs: each has a folder, from which it can be resumed."""
