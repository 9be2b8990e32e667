"""Searches for loss weights, capacity and learning rates: ``python -m tuning.search --help``."""
