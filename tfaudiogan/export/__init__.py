"""A trained model as a file that others run without this package."""
