import keras
import numpy as np
from keras import ops

from tfaudiogan.layers.third_octaves import ThirdOctaves


@keras.saving.register_keras_serializable("tfaudiogan")
class ThirdOctaveCurve1D(ThirdOctaves):
    """Interpolate values of third octaves to values of bands, linearly over log frequency.

    Args:
        bins: bins of the spectrum.
        bands: frequency bands of the output (``FrequencyBands1D``).
        fine_bins: bins of the spectrum whose third octaves are meant (``ThirdOctaveStatistics1D``).

    Input shape: ``(batch, frames, third octaves)``.

    Output shape: ``(batch, frames, bands)``. The lowest and the highest value hold beyond the
    outermost centers.

    Raises:
        ValueError: if the number of bands does not fit the number of bins.
    """

    def call(self, inputs):
        octaves = np.log2(np.maximum(self.band_centers, self.centers[0]))
        position = np.interp(octaves, np.log2(self.centers), np.arange(len(self.centers)))
        below = np.minimum(position.astype(np.int32), len(self.centers) - 2)
        share = (position - below).astype(np.float32)
        inputs = ops.cast(inputs, "float32")
        low = ops.take(inputs, below, axis=-1)
        return low + share * (ops.take(inputs, below + 1, axis=-1) - low)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.bands)
