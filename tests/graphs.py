"""Inspect TensorFlow graphs."""

import re


def operators(graph_def) -> set[str]:
    """Return the operators of a graph and of all its functions."""
    return set(re.findall(r'^ +op: "([^"]+)"', str(graph_def), re.MULTILINE))


def function_names(graph_def) -> set[str]:
    """Return the names of a graph's functions."""
    return set(re.findall(r'signature \{\s+name: "([^"]+)"', str(graph_def)))


def dataset_operators(dataset) -> set[str]:
    """Return the operators of a data set; there is no public API for this."""
    graphs = [function.function.graph.as_graph_def() for function in dataset._functions()]
    found = set().union(*map(operators, graphs))
    return found.union(*map(dataset_operators, dataset._inputs()))
