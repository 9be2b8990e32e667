"""The layers' faster ways on a processor, to the same values but for rounding."""
