"""Random draws for manifests: rounded numbers of plain Python types."""

import hashlib
import math

import numpy as np


def named_generator(seed: int, name: str) -> np.random.Generator:
    """Return a generator that depends only on the seed and the name.

    A track's draws are therefore the same on any machine, whatever other tracks there are.
    """
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8])])


def uniform(rng: np.random.Generator, bounds: tuple[float, float], digits: int = 3) -> float:
    """Draw a number uniformly between two bounds."""
    return round(float(rng.uniform(*bounds)), digits)


def log_uniform(rng: np.random.Generator, bounds: tuple[float, float], digits: int = 3) -> float:
    """Draw a number between two positive bounds, uniformly on a logarithmic scale."""
    return round(math.exp(rng.uniform(math.log(bounds[0]), math.log(bounds[1]))), digits)


def seed(rng: np.random.Generator) -> int:
    """Draw a seed for another generator."""
    return int(rng.integers(2**31))
