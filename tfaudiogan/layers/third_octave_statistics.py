import itertools

import keras
import numpy as np
from keras import ops

from tfaudiogan.layers.band_statistics import QUIET, frame_weights
from tfaudiogan.layers.third_octaves import third_octave_edges

EXPONENTS = (-1.0, -0.5, -0.25, 0.25, 0.5, 1.0)


@keras.saving.register_keras_serializable("tfaudiogan")
class ThirdOctaveStatistics1D(keras.layers.Layer):
    """Compute generalized means of the powers of each third octave, over its bins and all frames.

    In a spectrum with frames of some tenths of a second, noise shows between the partials of the
    music. The means weigh the partials and what is between them differently: the harmonic mean is
    close to the noise, the arithmetic mean to the partials. Noise of the surroundings passes the
    same microphone as the music, and a device cannot be told from an instrument by the music alone.
    Quiet frames have less weight, as in ``BandStatistics1D``. The layer computes in float32,
    whatever the global dtype policy is.

    Input shape: powers, ``(batch, frames, bins)``.

    Output shape: ``(batch, 1, 7 * bands)``, natural logarithms, scaled to the order of 1: of the
    geometric mean of every third octave, then of the means with exponents -1, -1/2, -1/4, 1/4, 1/2
    and 1.

    Example: 8,193 bins have 27 third octaves.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, inputs):
        weights = frame_weights(inputs)
        logarithms = ops.log(inputs + QUIET)
        values = [logarithms, *(ops.exp(exponent * logarithms) for exponent in EXPONENTS)]
        means = ops.concatenate(
            [ops.sum(weights * value, axis=1, keepdims=True) for value in values], axis=1
        )
        bounds = third_octave_edges(inputs.shape[-1])
        means = ops.concatenate(
            [
                ops.mean(means[..., start:stop], axis=-1, keepdims=True)
                for start, stop in itertools.pairwise(bounds)
            ],
            axis=-1,
        )
        inverse = (1.0 / np.array(EXPONENTS, np.float32))[:, np.newaxis]
        means = ops.concatenate([means[:, :1], ops.log(means[:, 1:]) * inverse], axis=1)
        return (ops.reshape(means, (-1, 1, means.shape[1] * means.shape[2])) + 9.0) / 4.0

    def compute_output_shape(self, input_shape):
        bands = len(third_octave_edges(input_shape[-1])) - 1
        return (input_shape[0], 1, (len(EXPONENTS) + 1) * bands)
