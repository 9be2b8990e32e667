import functools
import math
from collections.abc import Callable

import keras
from keras import ops

from tfaudiogan.layers.fused import fused, fuses
from tfaudiogan.layers.rearrangement import check_rank_3

EPSILON = 1e-3
_STAGES = 16
"""Parts of a sum, each of them as long as the processor can add side by side."""


@keras.saving.register_keras_serializable("tfaudiogan")
class Epilogue1D(keras.layers.Layer):
    """What follows an inception module: layer norm, dropout, then a leaky rectifier.

    On a processor these would take longer than the convolutions, as every one of their operations
    reads and writes all values; within ``fused.fusing`` they take a pass each way, to the same
    values but for rounding, and for dropout's random numbers: bytes, so that the rate is rounded
    to a multiple of 1/256.

    Args:
        normalize: over time and channels of each sample, with a scale and an offset for each value
            of the window (Ba, Kiros, Hinton, "Layer Normalization", 2016).
        dropout: rate.
        slope: of the rectifier below zero; ``None`` learns one for each channel, from 0.25
            (PReLU, He et al. 2015).
        seed: of dropout.

    Input shape: ``(batch, width, channels)``; width known where ``normalize``.

    Output shape: the same.

    Raises:
        ValueError: when the dropout is not a rate, or width is unknown where it is needed.
    """

    def __init__(
        self,
        normalize: bool = False,
        dropout: float = 0.0,
        slope: float | None = None,
        seed: int | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is {dropout}; expected at least 0 and less than 1")
        self.normalize = normalize
        self.dropout = dropout
        self.slope = slope
        self.seed = seed
        if dropout:
            self.random = keras.random.SeedGenerator(seed)

    def build(self, input_shape) -> None:
        _, width, channels = check_rank_3(input_shape, "Epilogue1D")
        if self.normalize:
            if width is None:
                raise ValueError("the width is unknown; layer normalization needs to know it")
            self.gamma = self.add_weight(name="gamma", shape=(width, channels), initializer="ones")
            self.beta = self.add_weight(name="beta", shape=(width, channels), initializer="zeros")
        if self.slope is None:
            self.slopes = self.add_weight(
                name="slopes",
                shape=(channels,),
                initializer=keras.initializers.Constant(0.25),
            )

    def call(self, inputs, training=False):
        several = self.normalize or self.dropout or self.slope is None
        if several and fuses(inputs.shape) and inputs.shape[1] % _STAGES == 0:
            return self._fused(inputs, training)
        x = inputs
        if self.normalize:
            x = self._normalized(x)
        if self.dropout and training:
            x = keras.random.dropout(x, self.dropout, seed=self.random)
        if self.slope is None:
            return ops.relu(x) - self.slopes * ops.relu(-x)
        return ops.leaky_relu(x, self.slope)

    def _normalized(self, inputs):
        x = ops.cast(inputs, "float32")
        mean, variance = ops.moments(x, axes=(1, 2), keepdims=True)
        x = (x - mean) * ops.rsqrt(variance + EPSILON)
        return ops.cast(x, self.compute_dtype) * self.gamma + self.beta

    def _fused(self, inputs, training: bool):
        _, width, channels = inputs.shape
        staged = (_STAGES, width // _STAGES, channels)
        x = ops.reshape(inputs, (-1, *staged))
        batch = ops.shape(x)[0]
        dropped = min(255, max(1, round(256 * self.dropout))) if self.dropout and training else 0
        parts = []
        if self.normalize:
            parts += [ops.reshape(weight, (1, *staged)) for weight in (self.gamma, self.beta)]
        if dropped:
            parts.append(_random_bytes(ops.shape(x), math.prod(staged), self.random))
        if self.slope is None:
            parts.append(ops.tile(ops.reshape(self.slopes, (1, 1, 1, -1)), (batch, 1, 1, 1)))
        one_pass = fused(_in_one_pass(self.normalize, dropped, self.slope))
        return ops.reshape(one_pass(x, *parts), (-1, width, channels))

    def compute_output_shape(self, input_shape):
        return check_rank_3(input_shape, "Epilogue1D")

    def get_config(self):
        return {
            **super().get_config(),
            "normalize": self.normalize,
            "dropout": self.dropout,
            "slope": self.slope,
            "seed": self.seed,
        }


def _random_bytes(shape, values_of_sample: int, seed: keras.random.SeedGenerator):
    """Drawn four at once, as TensorFlow takes most of dropout's time for its random numbers."""
    import tensorflow as tf

    words = tf.random.stateless_uniform(
        (shape[0], values_of_sample // 4),
        seed=tf.cast(seed.next(), tf.int32),
        minval=None,
        maxval=None,
        dtype=tf.uint32,
    )
    return tf.reshape(tf.bitcast(words, tf.uint8), shape)


@functools.cache
def _in_one_pass(normalize: bool, dropped: int, slope: float | None) -> Callable:
    """The layer's work on ``(batch, stages, width / stages, channels)``, for ``fused``."""

    def epilogue(inputs, *parts):
        x = ops.cast(inputs, "float32")
        parts = iter(
            ops.cast(part, "float32") if part.dtype.is_floating else part for part in parts
        )
        if normalize:
            x = x - _spread(_mean(x), x)
            x = x * _spread(ops.rsqrt(_mean(ops.square(x)) + EPSILON), x)
            x = x * next(parts) + next(parts)
        if dropped:
            kept = ops.cast(next(parts) >= dropped, x.dtype)
            x = x * (kept * (256 / (256 - dropped)))
        slopes = _spread(next(parts), x) if slope is None else slope
        return ops.cast(ops.where(x > 0, x, slopes * x), inputs.dtype)

    return epilogue


# XLA adds values side by side only along an axis that it keeps, and it would merge two sums in a
# row into one. So sums go by stages, with a factor between; and so does whatever has a sum for its
# gradient.


def _mean(x):
    _, stages, width, channels = x.shape
    part = ops.sum(x, axis=1, keepdims=True) * (1 / (stages * width * channels))
    return ops.sum(part, axis=(2, 3), keepdims=True)


def _spread(values, like):
    """``(batch, 1, 1, channels or 1)`` repeated to another's shape."""
    batch, stages, width, channels = ops.shape(like)
    part = ops.broadcast_to(0.5 * values, (batch, 1, width, channels))
    return ops.broadcast_to(2.0 * part, (batch, stages, width, channels))
