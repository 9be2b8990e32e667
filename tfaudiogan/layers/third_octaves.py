"""Third octaves of a spectrum, for the layers that measure them and draw curves through them."""

import keras
import numpy as np

from tfaudiogan.layers.bands import band_edges, check_bands

NARROWEST = 4
"""Bins in the lowest third octave."""


def third_octave_edges(bins: int) -> np.ndarray:
    """Return the edges of third octaves in bins, from half the sample rate downward.

    Example: for 8,193 bins at 44.1 kHz, 27 bands from 43 Hz to 22.05 kHz.
    """
    count = 0
    while (bins - 1) * 2.0 ** (-count / 3) * (1.0 - 2.0 ** (-1 / 3)) >= NARROWEST:
        count += 1
    bounds = np.round((bins - 1) * 2.0 ** (-np.arange(count, -1, -1) / 3)).astype(int)
    bounds[-1] = bins
    return bounds


def band_centers(bins: int, bands: int) -> np.ndarray:
    """Return the center of each band of ``FrequencyBands1D``, in bins."""
    bounds = band_edges(bins, bands)
    return (bounds[:-1] + bounds[1:] - 1) / 2


class ThirdOctaves(keras.layers.Layer):
    """Base class for layers between the bands of a spectrum and the third octaves of a finer one.

    It has no weights, and computes in float32, whatever the global dtype policy is.

    Args:
        bins: bins of the spectrum.
        bands: frequency bands of the spectrum.
        fine_bins: bins of the finer spectrum.

    Raises:
        ValueError: if the number of bands does not fit the number of bins.
    """

    def __init__(self, bins: int = 1025, bands: int = 256, fine_bins: int = 8193, **kwargs) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        check_bands(bins, bands)
        self.bins = bins
        self.bands = bands
        self.fine_bins = fine_bins
        self.band_centers = band_centers(bins, bands)
        bounds = third_octave_edges(fine_bins)
        self.centers = np.sqrt(bounds[:-1] * bounds[1:]) * (bins - 1) / (fine_bins - 1)

    def get_config(self) -> dict:
        sizes = {"bins": self.bins, "bands": self.bands, "fine_bins": self.fine_bins}
        return {**super().get_config(), **sizes}
