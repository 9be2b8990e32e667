"""The commands. Each one parses its options, calls the package and prints the results."""
