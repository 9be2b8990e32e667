"""The paper's experiments (section V), each one command on any corpus."""
