"""Convolutions of few channels with long kernels, as processors like them."""

import keras
from keras import ops

LONGEST_FOLD = 8
ENOUGH_CHANNELS = 16
ENOUGH_FILTERS = 16
SHORTEST_WIDTH = 64


def fold_ratio(width: int | None, kernel_size: int, channels: int, filters: int) -> int:
    """How many samples to fold into channels; 1 where folding does not pay, or cannot be done.

    Measured forward and backward on processors: about 16 channels and 16 filters are enough, and a
    kernel must be at least twice as long as the fold.
    """
    if width is None or width < SHORTEST_WIDTH:
        return 1
    ratio = LONGEST_FOLD
    while ratio > 1 and (
        (ratio * channels > ENOUGH_CHANNELS and ratio * filters > ENOUGH_FILTERS)
        or 2 * ratio > kernel_size
        or width % ratio
    ):
        ratio //= 2
    return ratio


def folded_convolution(inputs, kernel, bias=None, *, ratio: int | None = None):
    """The "same" convolution of ``(batch, width, channels)`` with a kernel of odd length.

    With ``ratio`` samples folded into the channels, a reshape of memory as it lies, a kernel of 81
    samples and 2 channels becomes one of 11 samples and 16 channels: the same sums, and several
    times as fast, backward above all, where a convolution of 2 channels leaves a processor's vector
    units empty.

    Args:
        inputs: ``(batch, width, channels)``.
        kernel: ``(kernel size, channels, filters)``.
        bias: ``(filters,)``, or none.
        ratio: samples to fold; divides the width. Chosen by ``fold_ratio`` unless given.

    Returns:
        ``(batch, width, filters)``, equal to ``keras.ops.conv(…, padding="same")`` to rounding.
    """
    _, width, channels = inputs.shape
    size, _, filters = kernel.shape
    if ratio is None:
        ratio = fold_ratio(width, size, channels, filters)
    if ratio == 1 or size % 2 == 0:
        return _add_bias(ops.conv(inputs, kernel, padding="same"), bias)
    folded = ops.reshape(inputs, (-1, width // ratio, ratio * channels))
    output = ops.conv(folded, _folded_kernel(kernel, ratio), padding="same")
    if bias is not None:
        output = _add_bias(output, ops.tile(bias, ratio))
    return ops.reshape(output, (-1, width, filters))


def _add_bias(outputs, bias):
    if bias is None:
        return outputs
    if keras.backend.backend() != "tensorflow":
        return outputs + bias
    import tensorflow as tf

    # Unlike a plain sum, joined with the convolution, and several times as fast backward.
    return tf.nn.bias_add(outputs, ops.cast(bias, outputs.dtype))


def _folded_kernel(kernel, ratio: int):
    """``(size, channels, filters)`` to ``(taps, ratio * channels, ratio * filters)``.

    The kernel stands once for each sample of a block, each time one sample later.
    """
    size, channels, filters = kernel.shape
    half = size // 2
    reach = -(-half // ratio)  # blocks before and after that a kernel touches
    length = (2 * reach + 1) * ratio
    lead = reach * ratio - half
    padded = ops.pad(kernel, [[lead, length + 1 - lead - size], [0, 0], [0, 0]])
    # Copies of length + 1 in rows of length: each row starts one sample later in its copy.
    copies = ops.concatenate([padded] * ratio)[: ratio * length]
    shifted = ops.reshape(copies, (ratio, 2 * reach + 1, ratio * channels, filters))
    return ops.reshape(
        ops.transpose(shifted, (1, 2, 0, 3)), (2 * reach + 1, ratio * channels, ratio * filters)
    )
