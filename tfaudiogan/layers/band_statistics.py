import keras
from keras import ops

QUIET = 1e-9
"""Power (-90 dBFS) below which bands are not distinguished."""

GATE = 1e-6
"""Mean power of a frame (-60 dBFS) at which it has half its weight in the statistics."""


def frame_weights(powers):
    """Return the weights of frames in statistics, ``(batch, frames, bins)`` to ``(..., 1)``.

    Their sum is 1, and quiet frames have less weight.
    """
    loudness = ops.mean(powers, axis=-1, keepdims=True)
    weights = loudness / (loudness + GATE) + 1e-6
    return weights / ops.sum(weights, axis=1, keepdims=True)


@keras.saving.register_keras_serializable("tfaudiogan")
class BandStatistics1D(keras.layers.Layer):
    """Compute log band powers, as deviations from the window's mean, and statistics of them.

    The statistics are three generalized means of each band over the frames: arithmetic (the
    long-term spectrum), geometric, and harmonic (close to the noise floor). Quiet frames have less
    weight, so that silence around a recording changes the statistics little. The layer computes in
    float32, whatever the global dtype policy is.

    Input shape: powers, ``(batch, frames, bands)``.

    Output shape: deviations, ``(batch, frames, bands)``, and statistics, ``(batch, 1, 3 * bands)``;
    both are natural logarithms, scaled to the order of 1.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, inputs):
        powers = inputs + QUIET
        weights = frame_weights(inputs)
        logarithms = ops.log(powers)
        arithmetic = ops.log(ops.sum(weights * powers, axis=1, keepdims=True))
        geometric = ops.sum(weights * logarithms, axis=1, keepdims=True)
        harmonic = -ops.log(ops.sum(weights / powers, axis=1, keepdims=True))
        statistics = ops.concatenate([arithmetic, geometric, harmonic], axis=-1)
        return (logarithms - geometric) / 4.0, (statistics + 9.0) / 4.0

    def compute_output_shape(self, input_shape):
        batch, frames, bands = input_shape
        return (batch, frames, bands), (batch, 1, 3 * bands)
