"""Trained models, loaded and run over whole recordings or live streams."""
