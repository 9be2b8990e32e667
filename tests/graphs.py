"""What a TensorFlow graph is made of."""

import re


def operators(graph_def) -> set[str]:
    """The operators of a graph and of all functions in it."""
    return set(re.findall(r'^ +op: "([^"]+)"', str(graph_def), re.MULTILINE))


def function_names(graph_def) -> set[str]:
    """The functions that a graph brings along."""
    return set(re.findall(r'signature \{\s+name: "([^"]+)"', str(graph_def)))


def dataset_operators(dataset) -> set[str]:
    """Those of all functions of a dataset, through its private tree: there is no other way."""
    graphs = [function.function.graph.as_graph_def() for function in dataset._functions()]
    found = set().union(*map(operators, graphs))
    return found.union(*map(dataset_operators, dataset._inputs()))
