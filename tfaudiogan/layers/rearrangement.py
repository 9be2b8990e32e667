"""What the sub- and superpixel layers share."""

import keras
from keras import ops


class Rearrangement1D(keras.layers.Layer):
    """Moves samples between the time and the channel axis by a fixed ratio; no weights.

    With channels last, both directions are a reshape of memory as it lies.
    """

    def __init__(self, ratio: int = 2, **kwargs) -> None:
        super().__init__(**kwargs)
        if not isinstance(ratio, int) or isinstance(ratio, bool):
            raise TypeError(f"ratio is {ratio!r}; expected an int")
        if ratio < 1:
            raise ValueError(f"ratio is {ratio}; expected 1 or more")
        self.ratio = ratio

    def build(self, input_shape) -> None:
        self.compute_output_shape(input_shape)
        self.built = True

    def compute_output_shape(self, input_shape):
        raise NotImplementedError

    def call(self, inputs):
        _, width, channels = self.compute_output_shape(inputs.shape)
        if width is None:
            return ops.reshape(inputs, (ops.shape(inputs)[0], -1, channels))
        return ops.reshape(inputs, (-1, width, channels))

    def get_config(self):
        return {**super().get_config(), "ratio": self.ratio}


def check_rank_3(input_shape, layer: str) -> tuple:
    """Return ``(batch, width, channels)``.

    Raises:
        ValueError: for another rank, or unknown channels.
    """
    if len(input_shape) != 3 or input_shape[-1] is None:
        raise ValueError(
            f"{layer} got an input of shape {tuple(input_shape)}; "
            "expected (batch, width, channels) with known channels"
        )
    return tuple(input_shape)
