"""What the sub- and superpixel layers share."""

import keras
from keras import ops

ORDERS = ("interleaved", "blocked")
"""How the channels of one place stand for the ``ratio`` samples that they become.

Sample ``p`` of channel ``c`` is channel ``c * ratio + p`` where they are interleaved, as in
PyTorch's ``PixelShuffle`` and so in the paper's code; and channel ``p * channels / ratio + c`` in
blocks, which is a reshape of memory as it lies.
"""


class Rearrangement1D(keras.layers.Layer):
    """Moves samples between the time and the channel axis by a fixed ratio; no weights."""

    def __init__(self, ratio: int = 2, order: str = "interleaved", **kwargs) -> None:
        super().__init__(**kwargs)
        if not isinstance(ratio, int) or isinstance(ratio, bool):
            raise TypeError(f"ratio is {ratio!r}; expected an int")
        if ratio < 1:
            raise ValueError(f"ratio is {ratio}; expected 1 or more")
        check_order(order)
        self.ratio = ratio
        self.order = order

    def build(self, input_shape) -> None:
        self.compute_output_shape(input_shape)
        self.built = True

    def compute_output_shape(self, input_shape):
        raise NotImplementedError

    def call(self, inputs):
        return self._reshaped(inputs, self.compute_output_shape(inputs.shape))

    def _reshaped(self, tensor, shape):
        """``(batch, width, channels)``, whose width may be unknown, from memory as it lies."""
        _, width, channels = shape
        if width is None:
            return ops.reshape(tensor, (ops.shape(tensor)[0], -1, channels))
        return ops.reshape(tensor, (-1, width, channels))

    def get_config(self):
        return {**super().get_config(), "ratio": self.ratio, "order": self.order}

    @classmethod
    def from_config(cls, config):
        """The layer of a configuration; one without an order is from when all were blocked."""
        return super().from_config({"order": "blocked", **config})


def check_order(order: str) -> None:
    """Raise ValueError unless it is one of ``ORDERS``."""
    if order not in ORDERS:
        raise ValueError(f"order is {order!r}; expected one of {', '.join(ORDERS)}")


def in_blocks(tensor, phases: int):
    """Bring the last axis from the interleaved order into blocks.

    Args:
        tensor: ``(…, channels)``, the channels known.
        phases: the ratio of the subpixel layer.

    Returns:
        The same shape; the very tensor where ``phases`` is 1.
    """
    if phases == 1:
        return tensor
    return _transposed(tensor, tensor.shape[-1] // phases, phases)


def interleaved(tensor, phases: int):
    """The inverse of ``in_blocks``."""
    if phases == 1:
        return tensor
    return _transposed(tensor, phases, tensor.shape[-1] // phases)


def _transposed(tensor, rows: int, columns: int):
    """The last axis, which holds a matrix, as the transposed matrix."""
    tensor = ops.convert_to_tensor(tensor)
    leading = tuple(ops.shape(tensor))[:-1]
    matrices = ops.swapaxes(ops.reshape(tensor, (*leading, rows, columns)), -1, -2)
    return ops.reshape(matrices, (*leading, rows * columns))


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
