import functools
from collections.abc import Callable

import keras
from keras import ops

from tfaudiogan.layers.cpu.fused import fused, fuses
from tfaudiogan.layers.cpu.normalization import EPSILON, SUM_PARTS, normalized_in_few_passes
from tfaudiogan.layers.cpu.random_bytes import random_bytes
from tfaudiogan.layers.rearrangement import check_rank_3, in_blocks


@keras.saving.register_keras_serializable("tfaudiogan")
class Epilogue1D(keras.layers.Layer):
    """Apply layer normalization, dropout and a leaky ReLU, which follow an inception module.

    On CPUs these operations would take longer than the convolutions, since each of them reads and
    writes all values. Within ``fused.fusing`` they take one pass forward and one backward, or a few
    with layer normalization. The values are then the same up to rounding, except for dropout, whose
    random numbers are bytes, so that its rate is rounded to a multiple of 1/256.

    Args:
        normalize: whether to normalize each sample over time and channels, with a scale and an
            offset for each value of the window (Ba, Kiros, Hinton, "Layer Normalization", 2016).
        dropout: dropout rate.
        slope: slope of the ReLU below zero; ``None`` learns a slope for each channel, initially
            0.25 (PReLU, He et al. 2015).
        seed: random seed of the dropout.
        phases: as for the preceding ``Inception1D``: with more than 1, the channels come in blocks,
            while the weights keep the order of the filters.
        epsilon: number that is added to the variance: 1e-3 in Keras, 1e-5 in PyTorch and the
            paper's code.

    Input shape: ``(batch, width, channels)``; the width must be known if ``normalize`` is true.

    Output shape: the same as the input's.

    Raises:
        ValueError: if the dropout rate is out of range, epsilon is not above 0, the phases do not
            divide the channels, or the width is unknown but needed.
    """

    def __init__(
        self,
        normalize: bool = False,
        dropout: float = 0.0,
        slope: float | None = None,
        seed: int | None = None,
        phases: int = 1,
        epsilon: float = EPSILON,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is {dropout}; expected at least 0 and less than 1")
        if phases < 1:
            raise ValueError(f"phases is {phases}; expected 1 or more")
        if not epsilon > 0:
            raise ValueError(f"epsilon is {epsilon}; expected more than 0")
        self.normalize = normalize
        self.dropout = dropout
        self.slope = slope
        self.phases = phases
        self.epsilon = epsilon
        self.seed = seed
        if dropout:
            self.random = keras.random.SeedGenerator(seed)

    def build(self, input_shape) -> None:
        _, width, channels = check_rank_3(input_shape, "Epilogue1D")
        if channels % self.phases:
            raise ValueError(
                f"there are {channels} channels; expected a multiple of the {self.phases} phases"
            )
        if self.normalize:
            if width is None:
                raise ValueError("the width is None; layer normalization needs a known width")
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
            # TFLite's converter recognizes exactly this form as a PReLU, one operator, not five.
            slopes = in_blocks(self.slopes, self.phases)
            return ops.relu(x) + ops.relu(-x) * -ops.reshape(slopes, (1, -1))
        return ops.leaky_relu(x, self.slope)

    def _normalized(self, inputs):
        x = ops.cast(inputs, "float32")
        mean, variance = ops.moments(x, axes=(1, 2), keepdims=True)
        x = (x - mean) * ops.rsqrt(variance + self.epsilon)
        gamma, beta = (in_blocks(weight, self.phases) for weight in (self.gamma, self.beta))
        return ops.cast(x, self.compute_dtype) * gamma + beta

    def _fuses(self, shape) -> bool:
        """Whether TensorFlow would need several passes that can be fused."""
        if self.normalize:
            fusible = self.slope is not None
        else:
            fusible = self.slope is None or self.dropout > 0
        return fusible and fuses(shape) and shape[1] % SUM_PARTS == 0

    def _fused(self, inputs, training: bool):
        _, width, channels = inputs.shape
        parts_shape = (SUM_PARTS, width // SUM_PARTS, channels)
        x = ops.reshape(inputs, (-1, *parts_shape))
        dropped = min(255, max(1, round(256 * self.dropout))) if self.dropout and training else 0
        kept = [random_bytes(x, self.random) >= dropped] if dropped else []
        kept_scale = 256 / (256 - dropped)
        if self.normalize:
            affine = (in_blocks(weight, self.phases) for weight in (self.gamma, self.beta))
            weights = [ops.reshape(weight, (1, *parts_shape)) for weight in affine]
            normalized = normalized_in_few_passes(self.slope, kept_scale, self.epsilon)
            x = normalized(x, *weights, *kept)
        else:
            slopes = []
            if self.slope is None:
                slopes = in_blocks(self.slopes, self.phases)
                slopes = [ops.tile(slopes[None, None, None], (ops.shape(x)[0], 1, 1, 1))]
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
            "phases": self.phases,
            "epsilon": self.epsilon,
            "seed": self.seed,
        }


@functools.cache
def _rectified_in_one_pass(slope: float | None, kept_scale: float) -> Callable:
    """Return a function for ``fused`` that applies dropout and a leaky ReLU.

    Its arguments are the inputs ``(batch, parts, width / parts, channels)``, for PReLU the slopes
    ``(batch, 1, 1, channels)``, and for dropout which inputs to keep.
    """

    def rectified(inputs, *optional):
        x = ops.cast(inputs, "float32")
        if slope is None:
            slopes = _broadcast(ops.cast(optional[0], "float32"), x)
            optional = optional[1:]
        else:
            slopes = slope
        if optional:
            x = x * (ops.cast(optional[0], "float32") * kept_scale)
        return ops.cast(ops.where(x > 0, x, slopes * x), inputs.dtype)

    return rectified


def _broadcast(values, like):
    """Broadcast ``(batch, 1, 1, channels)`` to the shape of ``like``.

    This takes two steps with a factor in between, so that XLA does not merge the two sums of the
    gradient into one (``normalization``).
    """
    batch, parts, width, channels = ops.shape(like)
    part = ops.broadcast_to(0.5 * values, (batch, 1, width, channels))
    return ops.broadcast_to(2.0 * part, (batch, parts, width, channels))
