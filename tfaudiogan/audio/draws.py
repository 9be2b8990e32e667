"""Random numbers that read well in a manifest: drawn from a range, rounded, plain Python types."""

import hashlib
import math

import numpy as np


def named_generator(seed: int, name: str) -> np.random.Generator:
    """A generator that depends on the seed and a name alone, not on what was drawn before.

    So that a track's draws stay the same whatever other tracks there are, and on any machine.
    """
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8])])


def uniform(rng: np.random.Generator, bounds: tuple[float, float], digits: int = 3) -> float:
    """A number between two bounds, every one as likely."""
    return round(float(rng.uniform(*bounds)), digits)


def log_uniform(rng: np.random.Generator, bounds: tuple[float, float], digits: int = 3) -> float:
    """A number between two positive bounds, every octave as likely."""
    return round(math.exp(rng.uniform(math.log(bounds[0]), math.log(bounds[1]))), digits)


def seed(rng: np.random.Generator) -> int:
    """A seed for a generator to be made later."""
    return int(rng.integers(2**31))
