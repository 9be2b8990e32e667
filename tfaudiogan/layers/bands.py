"""Grouping of the bins of a spectrum into frequency bands, for the layers of both directions."""

import keras
import numpy as np

SEGMENTS = (1 / 8, 3 / 8)
"""Shares of the bins at which bands get wider; below the first, each bin is a band."""


class Bands(keras.layers.Layer):
    """Base class that holds the numbers of bins and bands; it has no weights.

    The layers compute in float32, whatever the global dtype policy is, since powers exceed the
    range of half precision.
    """

    def __init__(self, bins: int = 1025, bands: int = 256, **kwargs) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        check_bands(bins, bands)
        self.bins = bins
        self.bands = bands

    def get_config(self):
        return {**super().get_config(), "bins": self.bins, "bands": self.bands}


def check_bands(bins: int, bands: int) -> None:
    """Raise ValueError if the number of bands does not fit the number of bins."""
    first, second = _bounds(bins)
    low, high = first + 2, first + 2 * (second - first)
    if not low <= bands <= high:
        raise ValueError(f"bands is {bands}; expected {low} to {high} for {bins} bins")


def segments(bins: int, bands: int) -> list[tuple[int, int, int]]:
    """Return the first bin, the end and the number of bands of each of the three segments."""
    first, second = _bounds(bins)
    wide = (bands - first) // 2
    return [(0, first, first), (first, second, bands - first - wide), (second, bins, wide)]


def band_edges(bins: int, bands: int) -> np.ndarray:
    """Return the edges of the bands of a spectrum in bins, ``(bands + 1,)``."""
    parts = [
        start + edges(stop - start, count)[:-1] for start, stop, count in segments(bins, bands)
    ]
    return np.concatenate([*parts, [bins]])


def edges(bins: int, bands: int) -> np.ndarray:
    """Return the edges, ``(bands + 1,)``, of bands that are as equal as whole bins allow."""
    return np.round(np.linspace(0, bins, bands + 1)).astype(int)


def _bounds(bins: int) -> tuple[int, int]:
    first, second = (round(share * (bins - 1)) for share in SEGMENTS)
    return first, second
