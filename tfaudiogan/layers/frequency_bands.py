import keras
import numpy as np
from keras import ops

from tfaudiogan.layers.bands import Bands, edges, segments


@keras.saving.register_keras_serializable("tfaudiogan")
class FrequencyBands1D(Bands):
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
        for start, stop, bands in segments(self.bins, self.bands):
            part = inputs[:, :, start:stop]
            if bands < stop - start:
                part = ops.matmul(part, pooling(stop - start, bands))
            parts.append(part)
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.bands)


def pooling(bins: int, bands: int) -> np.ndarray:
    """The matrix that takes the mean of each band's bins, ``(bins, bands)`` float32."""
    bounds = edges(bins, bands)
    matrix = np.zeros((bins, bands), np.float32)
    for band in range(bands):
        matrix[bounds[band] : bounds[band + 1], band] = 1.0 / (bounds[band + 1] - bounds[band])
    return matrix
