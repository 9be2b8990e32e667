"""Loads trained models and runs them on whole recordings or live streams."""
