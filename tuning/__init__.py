"""Hyperparameter search over loss weights, capacity and learning rates (``tuning.search``)."""
