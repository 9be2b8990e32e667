"""Runs: training into a folder from which it can be continued."""
