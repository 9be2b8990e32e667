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
                below, share = neighbors(stop - start, bands)
                low = ops.take(part, below, axis=-1)
                part = low + share * (ops.take(part, below + 1, axis=-1) - low)
            parts.append(part)
            first += bands
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.bins)


def neighbors(bins: int, bands: int) -> tuple[np.ndarray, np.ndarray]:
    """For each bin the band whose center lies below it, and its share of the way to the next one.

    A matrix would say the same, and every function of an exported model would hold a copy.
    """
    bounds = edges(bins, bands)
    centers = (bounds[:-1] + bounds[1:] - 1) / 2
    place = np.interp(np.arange(bins), centers, np.arange(bands))
    below = np.minimum(place.astype(np.int32), bands - 2)
    return below, (place - below).astype(np.float32)
