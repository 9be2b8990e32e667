import functools
from collections.abc import Callable

import keras
from keras import ops

from tfaudiogan.layers.cpu.fused import fused, fuses
from tfaudiogan.layers.cpu.normalization import EPSILON, SUM_PARTS, normalized_in_few_passes
from tfaudiogan.layers.cpu.random_bytes import random_bytes
from tfaudiogan.layers.rearrangement import check_rank_3


@keras.saving.register_keras_serializable("tfaudiogan")
class Epilogue1D(keras.layers.Layer):
    """What follows an inception module: layer norm, dropout, then a leaky rectifier.

    On a processor these would take longer than the convolutions, as every one of their operations
    reads and writes all values; within ``fused.fusing`` they take a pass each way, or a few with
    layer norm, to the same values but for rounding, and for dropout's random numbers: bytes, so
    that the rate is rounded to a multiple of 1/256.

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
        if self._fuses(inputs.shape):
            return self._fused(inputs, training)
        x = inputs
        if self.normalize:
            x = self._normalized(x)
        if self.dropout and training:
            x = keras.random.dropout(x, self.dropout, seed=self.random)
        if self.slope is None:
            # In this very form TFLite's converter knows it for a PReLU, one operator and not five.
            return ops.relu(x) + ops.relu(-x) * -ops.reshape(self.slopes, (1, -1))
        return ops.leaky_relu(x, self.slope)

    def _normalized(self, inputs):
        x = ops.cast(inputs, "float32")
        mean, variance = ops.moments(x, axes=(1, 2), keepdims=True)
        x = (x - mean) * ops.rsqrt(variance + EPSILON)
        return ops.cast(x, self.compute_dtype) * self.gamma + self.beta

    def _fuses(self, shape) -> bool:
        """Whether there is more to do than TensorFlow does in one pass, and it can be fused."""
        if self.normalize:
            fusible = self.slope is not None
        else:
            fusible = self.slope is None or self.dropout > 0
        return fusible and fuses(shape) and shape[1] % SUM_PARTS == 0

    def _fused(self, inputs, training: bool):
        _, width, channels = inputs.shape
        staged = (SUM_PARTS, width // SUM_PARTS, channels)
        x = ops.reshape(inputs, (-1, *staged))
        dropped = min(255, max(1, round(256 * self.dropout))) if self.dropout and training else 0
        kept = [random_bytes(x, self.random) >= dropped] if dropped else []
        kept_scale = 256 / (256 - dropped)
        if self.normalize:
            weights = [ops.reshape(weight, (1, *staged)) for weight in (self.gamma, self.beta)]
            x = normalized_in_few_passes(self.slope, kept_scale)(x, *weights, *kept)
        else:
            slopes = []
            if self.slope is None:
                slopes = [ops.tile(self.slopes[None, None, None], (ops.shape(x)[0], 1, 1, 1))]
            x = fused(_rectified_in_one_pass(self.slope, kept_scale))(x, *slopes, *kept)
        return ops.reshape(x, (-1, width, channels))

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


@functools.cache
def _rectified_in_one_pass(slope: float | None, kept_scale: float) -> Callable:
    """Dropout and rectifier, for ``fused``.

    Of ``(batch, stages, width / stages, channels)``, for PReLU the slopes ``(batch, 1, 1,
    channels)`` and for dropout what it keeps.
    """

    def rectified(inputs, *parts):
        x = ops.cast(inputs, "float32")
        if slope is None:
            slopes = _spread(ops.cast(parts[0], "float32"), x)
            parts = parts[1:]
        else:
            slopes = slope
        if parts:
            x = x * (ops.cast(parts[0], "float32") * kept_scale)
        return ops.cast(ops.where(x > 0, x, slopes * x), inputs.dtype)

    return rectified


def _spread(values, like):
    """``(batch, 1, 1, channels)`` repeated to another's shape.

    By stages and with factors between, so that its gradient sums by stages (``normalization``).
    """
    batch, stages, width, channels = ops.shape(like)
    part = ops.broadcast_to(0.5 * values, (batch, 1, width, channels))
    return ops.broadcast_to(2.0 * part, (batch, stages, width, channels))
