import keras
import numpy as np
from keras import ops

from tfaudiogan.layers.bands import Bands, edges, segments


@keras.saving.register_keras_serializable("tfaudiogan")
class InterpolatedBands1D(Bands):
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
        for start, stop, bands in segments(self.bins, self.bands):
            part = inputs[:, :, first : first + bands]
            if bands < stop - start:
                part = ops.matmul(part, interpolation(stop - start, bands))
            parts.append(part)
            first += bands
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.bins)


def interpolation(bins: int, bands: int) -> np.ndarray:
    """The matrix from values at the bands' centers to all bins, ``(bands, bins)`` float32."""
    bounds = edges(bins, bands)
    centers = (bounds[:-1] + bounds[1:] - 1) / 2
    identity = np.eye(bands)
    rows = [np.interp(np.arange(bins), centers, identity[band]) for band in range(bands)]
    return np.stack(rows).astype(np.float32)
