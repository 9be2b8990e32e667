import keras
from keras import ops

QUIET = 1e-9
"""Power (-90 dBFS) under which bands are not told apart."""

GATE = 1e-6
"""Mean power of a frame (-60 dBFS) at which it counts half in the statistics."""

MOST = 4.0
"""Bound of a gain's natural logarithm: 35 dB."""


@keras.saving.register_keras_serializable("tfaudiogan")
class PowerSpectrum1D(keras.layers.Layer):
    """Squared magnitude of a spectrum.

    Input shape: real and imaginary parts, each ``(batch, frames, bins)``.

    Output shape: ``(batch, frames, bins)``.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, inputs):
        real, imaginary = inputs
        return ops.square(real) + ops.square(imaginary)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])


@keras.saving.register_keras_serializable("tfaudiogan")
class BandStatistics1D(keras.layers.Layer):
    """Logarithms of band powers, as deviations from the window's mean, and statistics of them.

    The statistics of each band over the frames are three generalized means: arithmetic (the
    long-term spectrum), geometric, and harmonic (close to the noise floor). Quiet frames count
    less, so that silence around a recording changes nothing.

    Input shape: powers, ``(batch, frames, bands)``.

    Output shape: deviations, ``(batch, frames, bands)``, and statistics, ``(batch, 1, 3 * bands)``;
    natural logarithms, scaled to the order of 1.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, inputs):
        powers = inputs + QUIET
        loudness = ops.mean(inputs, axis=-1, keepdims=True)
        weights = loudness / (loudness + GATE) + 1e-6
        weights = weights / ops.sum(weights, axis=1, keepdims=True)
        logarithms = ops.log(powers)
        arithmetic = ops.log(ops.sum(weights * powers, axis=1, keepdims=True))
        geometric = ops.sum(weights * logarithms, axis=1, keepdims=True)
        harmonic = -ops.log(ops.sum(weights / powers, axis=1, keepdims=True))
        statistics = ops.concatenate([arithmetic, geometric, harmonic], axis=-1)
        return (logarithms - geometric) / 4.0, (statistics + 9.0) / 4.0

    def compute_output_shape(self, input_shape):
        batch, frames, bands = input_shape
        return (batch, frames, bands), (batch, 1, 3 * bands)


@keras.saving.register_keras_serializable("tfaudiogan")
class SpectralGain1D(keras.layers.Layer):
    """Multiply each bin of a spectrum by a gain that is given as a logarithm, softly bounded.

    The gain is ``exp(4 tanh(x / 4))``: within 35 dB either way.

    Input shape: real and imaginary parts and the gains' natural logarithms, each
    ``(batch, frames, bins)``.

    Output shape: real and imaginary parts.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, inputs):
        real, imaginary, logarithm = inputs
        gain = ops.exp(MOST * ops.tanh(ops.cast(logarithm, "float32") / MOST))
        return real * gain, imaginary * gain

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0]), tuple(input_shape[1])
