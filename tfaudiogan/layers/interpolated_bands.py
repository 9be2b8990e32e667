import keras
import numpy as np
from keras import ops

from tfaudiogan.layers.bands import Bands, edges, segments


@keras.saving.register_keras_serializable("tfaudiogan")
class InterpolatedBands1D(Bands):
    """Interpolate values of the bands of ``FrequencyBands1D`` linearly to values of all bins.

    Args:
        bins: bins of the output.
        bands: bands of the input.

    Input shape: ``(batch, frames, bands)``.

    Output shape: ``(batch, frames, bins)``.

    Raises:
        ValueError: if the number of bands does not fit the number of bins.
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
    """Return for each bin the band with its center below, and the position between it and the next.

    A matrix would do the same, but each function of an exported model would hold a copy of it.
    """
    bounds = edges(bins, bands)
    centers = (bounds[:-1] + bounds[1:] - 1) / 2
    position = np.interp(np.arange(bins), centers, np.arange(bands))
    below = np.minimum(position.astype(np.int32), bands - 2)
    return below, (position - below).astype(np.float32)
