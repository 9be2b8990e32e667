import keras
import numpy as np
from keras import ops

from tfaudiogan.layers.third_octaves import ThirdOctaves


@keras.saving.register_keras_serializable("tfaudiogan")
class ThirdOctaveSamples1D(ThirdOctaves):
    """Average values of bands over the frames, and take those at the centers of third octaves.

    Args:
        bins: bins of the spectrum.
        bands: frequency bands of the input (``FrequencyBands1D``).
        fine_bins: bins of the spectrum whose third octaves are meant (``ThirdOctaveStatistics1D``).

    Input shape: ``(batch, frames, bands)``.

    Output shape: ``(batch, 1, third octaves)``.

    Raises:
        ValueError: if the number of bands does not fit the number of bins.
    """

    def call(self, inputs):
        distances = np.abs(self.band_centers - self.centers[:, np.newaxis])
        nearest = distances.argmin(axis=1).astype(np.int32)
        means = ops.mean(ops.cast(inputs, "float32"), axis=1, keepdims=True)
        return ops.take(means, nearest, axis=-1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, len(self.centers))
