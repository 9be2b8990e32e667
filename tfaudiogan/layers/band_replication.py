import math

import keras
from keras import ops

MAX_LOG_LEVEL = 12.0
SILENCE = -9.0
"""Natural logarithm of the level from which the copies start, and at which they are subtracted."""


@keras.saving.register_keras_serializable("tfaudiogan")
class BandReplication1D(keras.layers.Layer):
    """Add copies of the octave below a bin to all bins above it, each at its own level.

    A gain cannot restore what a narrow channel has removed. As in spectral band replication (Dietz
    et al. 2002), the copies supply the fine structure and the network the envelope. The level is
    ``exp(-9) (exp(12 tanh(x / 12)) - 1)``: 0 for ``x = 0``, and -26 dB for ``x = 6``. A copy is
    moved by an even number of bins, so partials stay continuous across frames that overlap by half.
    The layer computes in float32, whatever the global dtype policy is.

    Args:
        first: first bin that receives a copy, a multiple of 4. The source is the bins from
            ``first / 2`` to ``first``.

    Input shape: real and imaginary parts, each ``(batch, channels, frames, bins)``, and the
    logarithms, ``(batch, frames, bins)``, of which those below ``first`` have no effect.

    Output shape: real and imaginary parts.

    Raises:
        ValueError: if ``first`` is not a positive multiple of 4.

    Example: at 44.1 kHz with 2,048 samples in a frame, ``first = 160`` copies 1.7 to 3.4 kHz.
    """

    def __init__(self, first: int, **kwargs) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        if first < 4 or first % 4:
            raise ValueError(f"first is {first}; expected a positive multiple of 4")
        self.first = first

    def call(self, inputs):
        real, imaginary, logarithm = inputs
        logarithm = ops.cast(logarithm, "float32")[..., self.first :]
        # In this order a logarithm of 0 gives exactly 0, however a runtime rounds exponentials.
        level = ops.exp(MAX_LOG_LEVEL * ops.tanh(logarithm / MAX_LOG_LEVEL)) - 1.0
        level = ops.expand_dims(math.exp(SILENCE) * level, 1)
        return self._with_copies(real, level), self._with_copies(imaginary, level)

    def _with_copies(self, part, level):
        bins = part.shape[-1] - self.first
        source = part[..., self.first // 2 : self.first]
        copies = -(-bins // source.shape[-1])
        copied = ops.concatenate([source] * copies, axis=-1)[..., :bins]
        return ops.concatenate(
            [part[..., : self.first], part[..., self.first :] + level * copied], axis=-1
        )

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0]), tuple(input_shape[1])

    def get_config(self) -> dict:
        return {**super().get_config(), "first": self.first}
