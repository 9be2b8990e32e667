"""Models from the weights of other code."""
