import keras
import numpy as np
from keras import ops

from tfaudiogan.layers.bands import Bands, edges, segments


@keras.saving.register_keras_serializable("tfaudiogan")
class FrequencyBands1D(Bands):
    """Compute the mean power of frequency bands: single bins at the bottom, wider bands above.

    Args:
        bins: bins of the spectrum, from 0 Hz to half the sample rate.
        bands: bands of the output. Each of the lowest eighth of the bins is a band. Half of the
            other bands cover the bins up to three eighths, and half cover the bins above.

    Input shape: powers, ``(batch, frames, bins)``.

    Output shape: ``(batch, frames, bands)``.

    Raises:
        ValueError: if the number of bands does not fit the number of bins.

    Example: for 1,025 bins at 44.1 kHz and 256 bands, there are 128 bands of one bin up to 2.8 kHz,
    64 bands of 4 bins up to 8.3 kHz, and 64 bands of 10 bins above.
    """

    def call(self, inputs):
        parts = []
        for start, stop, bands in segments(self.bins, self.bands):
            part = inputs[:, :, start:stop]
            if bands < stop - start:
                members, weights = grouping(stop - start, bands)
                part = ops.take(part, members.reshape(-1), axis=-1)
                part = ops.reshape(part, (-1, part.shape[1], *members.shape))
                part = ops.sum(part * weights, axis=-1)
            parts.append(part)
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.bands)


def grouping(bins: int, bands: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each band's bins and their weights, both ``(bands, bins of the widest band)``.

    A matrix would do the same, but each function of an exported model would hold a copy of it.
    """
    bounds = edges(bins, bands)
    widths = np.diff(bounds)
    offsets = np.arange(widths.max())
    members = np.minimum(bounds[:-1, np.newaxis] + offsets, bins - 1).astype(np.int32)
    weights = (offsets < widths[:, np.newaxis]) / widths[:, np.newaxis]
    return members, weights.astype(np.float32)
