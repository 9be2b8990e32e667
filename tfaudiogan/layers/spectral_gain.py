import keras
from keras import ops

MAX_LOG_GAIN = 4.0
"""Limit of a gain's natural logarithm: 35 dB."""


@keras.saving.register_keras_serializable("tfaudiogan")
class SpectralGain1D(keras.layers.Layer):
    """Multiply each bin of a spectrum by a softly limited gain, given as its logarithm.

    The gain is ``exp(4 tanh(x / 4))``, within 35 dB either way, and the same for all channels. The
    layer computes in float32, whatever the global dtype policy is.

    Input shape: real and imaginary parts, each ``(batch, channels, frames, bins)``, and the gains'
    natural logarithms, ``(batch, frames, bins)``.

    Output shape: real and imaginary parts.

    Example: a logarithm of 0 leaves a bin unchanged.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, inputs):
        real, imaginary, logarithm = inputs
        gain = ops.exp(MAX_LOG_GAIN * ops.tanh(ops.cast(logarithm, "float32") / MAX_LOG_GAIN))
        gain = ops.expand_dims(gain, 1)
        return real * gain, imaginary * gain

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0]), tuple(input_shape[1])
