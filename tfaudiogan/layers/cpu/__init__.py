"""Faster implementations of the layers for CPUs, with the same values up to rounding."""
