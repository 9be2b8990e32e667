"""Networks for tests."""

import numpy as np


def awake(generator, seed=0):
    """Change a new generator, whose output is silent, so that its output depends on every layer."""
    kernel, bias = generator.get_layer("output").get_weights()
    rng = np.random.default_rng(seed)
    kernel = rng.standard_normal(kernel.shape) / np.sqrt(kernel.size)
    generator.get_layer("output").set_weights([kernel, bias + 0.01])
    return generator


def awake_spectral(generator, seed=0):
    """Change a new spectral generator, which is the identity, so that every layer has an effect."""
    rng = np.random.default_rng(seed)
    mask = generator.get_layer("mask")
    names = [layer.name for layer in mask.layers]
    for name in ("dynamic", "static", "dynamic_levels", "static_levels", "correction"):
        if name not in names:
            continue
        kernel, bias = mask.get_layer(name).get_weights()
        drawn = rng.standard_normal(kernel.shape) / np.sqrt(len(kernel))
        mask.get_layer(name).set_weights([0.3 * drawn, bias + (1.0 if "levels" in name else 0.1)])
    return generator
