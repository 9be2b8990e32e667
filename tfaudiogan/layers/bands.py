"""How bins are gathered in frequency bands, for the layers of both directions."""

import keras
import numpy as np

SEGMENTS = (1 / 8, 3 / 8)
"""Where bands get wider, as shares of the bins: each bin a band below the first."""


class Bands(keras.layers.Layer):
    """Holds the numbers of bins and bands; no weights.

    Computes in float32 whatever the dtype policy of the program: powers span more than half
    precision does.
    """

    def __init__(self, bins: int = 1025, bands: int = 256, **kwargs) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        check_bands(bins, bands)
        self.bins = bins
        self.bands = bands

    def get_config(self):
        return {**super().get_config(), "bins": self.bins, "bands": self.bands}


def check_bands(bins: int, bands: int) -> None:
    """Raise ValueError where so many bands do not fit the bins."""
    first, second = _bounds(bins)
    low, high = first + 2, first + 2 * (second - first)
    if not low <= bands <= high:
        raise ValueError(f"bands is {bands}; expected {low} to {high} for {bins} bins")


def segments(bins: int, bands: int) -> list[tuple[int, int, int]]:
    """First bin, end and number of bands of each of the three segments."""
    first, second = _bounds(bins)
    wide = (bands - first) // 2
    return [(0, first, first), (first, second, bands - first - wide), (second, bins, wide)]


def edges(bins: int, bands: int) -> np.ndarray:
    """Bounds of as equal bands as whole bins allow, ``(bands + 1,)``."""
    return np.round(np.linspace(0, bins, bands + 1)).astype(int)


def _bounds(bins: int) -> tuple[int, int]:
    first, second = (round(share * (bins - 1)) for share in SEGMENTS)
    return first, second
