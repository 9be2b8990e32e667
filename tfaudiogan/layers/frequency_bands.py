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
                members, weights = grouping(stop - start, bands)
                part = ops.take(part, members.reshape(-1), axis=-1)
                part = ops.reshape(part, (-1, part.shape[1], *members.shape))
                part = ops.sum(part * weights, axis=-1)
            parts.append(part)
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.bands)


def grouping(bins: int, bands: int) -> tuple[np.ndarray, np.ndarray]:
    """Each band's bins and their weights in its mean, ``(bands, bins of the widest band)``.

    A matrix would say the same, and every function of an exported model would hold a copy.
    """
    bounds = edges(bins, bands)
    widths = np.diff(bounds)
    offsets = np.arange(widths.max())
    members = np.minimum(bounds[:-1, np.newaxis] + offsets, bins - 1).astype(np.int32)
    weights = (offsets < widths[:, np.newaxis]) / widths[:, np.newaxis]
    return members, weights.astype(np.float32)
