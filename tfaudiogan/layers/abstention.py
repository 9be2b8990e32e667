import math

import keras
from keras import ops

from tfaudiogan.layers.spectral_gain import MAX_LOG_GAIN

AUDIBLE = 1e-8
"""Power (-80 dBFS) below which the gain of a bin does not count."""

RANGE_DB = 4.0
"""Range around each limit, in dB, within which a correction is applied in part. A limit without one
would turn corrections on and off in a recording whose windows are close to it."""

DECIBELS = 10.0 / math.log(10.0)
SILENCE = 1e-20
NO_CHANGE = 1e-30
"""Smallest values of the unchanged part and of the change, so that silence has no change."""


@keras.saving.register_keras_serializable("tfaudiogan")
class Abstention1D(keras.layers.Layer):
    """Leave a window as it is if its correction is small.

    A small correction gains little, and is wrong more often than a large one. It is not applied if
    it changes both little of the signal and, on average, little of the spectrum. Around the limits
    it is applied in part, as in firm shrinkage (Gao, Bruce 1997). The layer computes in float32,
    whatever the global dtype policy is.

    Args:
        change_db: power of the change relative to that of the unchanged signal in the output, in
            dB, at which half of a correction is applied. A change of the level is no change.
        gain_db: mean magnitude of the gains in dB, of all bins whose power is above -80 dBFS, at
            which half of a correction is applied.

    Input shape: powers, ``(batch, frames, bins)``; the gains' natural logarithms as for
    ``SpectralGain1D``, of the same shape; and any number of other tensors of that shape.

    Output shape: the logarithms and the other tensors, multiplied by the larger of two shares from
    0 to 1. Each of them is 0 up to 2 dB below its limit, and 1 from 2 dB above it.

    Raises:
        ValueError: if ``gain_db`` is negative.

    Example: with ``change_db = -15`` and ``gain_db = 8``, a window is left as it is if its gains
    are all 5 dB, or if they change 1 % of its power and its bins by 5 dB on average.
    """

    def __init__(self, change_db: float, gain_db: float, **kwargs) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        if gain_db < 0:
            raise ValueError(f"gain_db is {gain_db}; expected 0 or more")
        self.change_db = change_db
        self.gain_db = gain_db

    def call(self, inputs):
        powers, logarithm, *others = inputs
        log_gains = MAX_LOG_GAIN * ops.tanh(ops.cast(logarithm, "float32") / MAX_LOG_GAIN)
        gains = ops.exp(log_gains)

        def total(values):
            return ops.sum(values, axis=(1, 2), keepdims=True)

        # The output is a multiple of the input and, orthogonal to it, the change.
        unchanged = ops.square(total(powers * gains))
        change = total(powers) * total(powers * gains * gains) - unchanged
        change_db = DECIBELS * (
            ops.log(ops.maximum(change, NO_CHANGE)) - ops.log(ops.maximum(unchanged, SILENCE))
        )
        audible = ops.cast(powers > AUDIBLE, "float32")
        magnitude = total(audible * ops.abs(log_gains)) / ops.maximum(total(audible), 1.0)
        above_db = ops.maximum(
            change_db - self.change_db, 2.0 * DECIBELS * magnitude - self.gain_db
        )
        applied = ops.clip(above_db / RANGE_DB + 0.5, 0.0, 1.0)
        return [ops.cast(values, "float32") * applied for values in (logarithm, *others)]

    def compute_output_shape(self, input_shape):
        return [tuple(shape) for shape in input_shape[1:]]

    def get_config(self) -> dict:
        return {**super().get_config(), "change_db": self.change_db, "gain_db": self.gain_db}
