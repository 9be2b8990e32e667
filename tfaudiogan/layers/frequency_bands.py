import keras
import numpy as np
from keras import ops

SEGMENTS = (1 / 8, 3 / 8)
"""Where bands get wider, as shares of the bins: each bin a band below the first."""


def _segments(bins: int, bands: int) -> list[tuple[int, int, int]]:
    """First bin, end and number of bands of each of the three segments."""
    first, second = (round(share * (bins - 1)) for share in SEGMENTS)
    wide = (bands - first) // 2
    return [(0, first, first), (first, second, bands - first - wide), (second, bins, wide)]


def check_bands(bins: int, bands: int) -> None:
    """Raise ValueError where so many bands do not fit the bins."""
    first, second = (round(share * (bins - 1)) for share in SEGMENTS)
    low, high = first + 2, first + 2 * (second - first)
    if not low <= bands <= high:
        raise ValueError(f"bands is {bands}; expected {low} to {high} for {bins} bins")


class _Bands(keras.layers.Layer):
    def __init__(self, bins: int = 1025, bands: int = 256, **kwargs) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        check_bands(bins, bands)
        self.bins = bins
        self.bands = bands

    def get_config(self):
        return {**super().get_config(), "bins": self.bins, "bands": self.bands}


@keras.saving.register_keras_serializable("tfaudiogan")
class FrequencyBands1D(_Bands):
    """Mean power of frequency bands: single bins at the bottom, wider bands above.

    Args:
        bins: of the spectrum, from 0 Hz to half the sample rate.
        bands: of the output. An eighth of the bins are bands of their own; the rest is shared
            equally between the bins up to three eighths and those above.

    Input shape: powers, ``(batch, frames, bins)``.

    Output shape: ``(batch, frames, bands)``.

    Raises:
        ValueError: when so many bands do not fit the bins.

    Example: 1,025 bins of 44.1 kHz and 256 bands: 128 bins up to 2.8 kHz, 64 bands of 4 bins up to
    8.3 kHz, and 64 of 10 above.
    """

    def call(self, inputs):
        parts = []
        for start, stop, bands in _segments(self.bins, self.bands):
            part = inputs[:, :, start:stop]
            if bands < stop - start:
                part = ops.matmul(part, _pooling(stop - start, bands))
            parts.append(part)
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.bands)


@keras.saving.register_keras_serializable("tfaudiogan")
class InterpolatedBands1D(_Bands):
    """Values at every bin from those of ``FrequencyBands1D``, joined by straight lines.

    Args:
        bins: of the output.
        bands: of the input.

    Input shape: ``(batch, frames, bands)``.

    Output shape: ``(batch, frames, bins)``.

    Raises:
        ValueError: when so many bands do not fit the bins.
    """

    def call(self, inputs):
        parts, first = [], 0
        for start, stop, bands in _segments(self.bins, self.bands):
            part = inputs[:, :, first : first + bands]
            if bands < stop - start:
                part = ops.matmul(part, _interpolation(stop - start, bands))
            parts.append(part)
            first += bands
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.bins)


def _edges(bins: int, bands: int) -> np.ndarray:
    return np.round(np.linspace(0, bins, bands + 1)).astype(int)


def _pooling(bins: int, bands: int) -> np.ndarray:
    edges = _edges(bins, bands)
    matrix = np.zeros((bins, bands), np.float32)
    for band in range(bands):
        matrix[edges[band] : edges[band + 1], band] = 1.0 / (edges[band + 1] - edges[band])
    return matrix


def _interpolation(bins: int, bands: int) -> np.ndarray:
    edges = _edges(bins, bands)
    centers = (edges[:-1] + edges[1:] - 1) / 2
    identity = np.eye(bands)
    rows = [np.interp(np.arange(bins), centers, identity[band]) for band in range(bands)]
    return np.stack(rows).astype(np.float32)
