"""Networks to test with."""

import numpy as np


def awake(generator, seed=0):
    """Give a fresh generator, which starts at silence, an output that depends on every layer."""
    kernel, bias = generator.get_layer("output").get_weights()
    rng = np.random.default_rng(seed)
    kernel = rng.standard_normal(kernel.shape) / np.sqrt(kernel.size)
    generator.get_layer("output").set_weights([kernel, bias + 0.01])
    return generator
