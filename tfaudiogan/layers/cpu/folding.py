"""Fast convolutions of few channels with long kernels on CPUs."""

import keras
from keras import ops

LONGEST_FOLD = 8
ENOUGH_CHANNELS = 16
ENOUGH_FILTERS = 16
SHORTEST_WIDTH = 64


def fold_ratio(width: int | None, kernel_size: int, channels: int, filters: int) -> int:
    """Return how many samples to fold into channels; 1 if folding is not worth it or not possible.

    Measurements of both passes on CPUs show that about 16 channels and 16 filters are enough, and
    that a kernel must be at least twice as long as the fold.
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
    """Convolve ``(batch, width, channels)`` with a kernel and "same" padding.

    Folding ``ratio`` samples into the channels is a reshape without a copy. It turns a kernel of 81
    samples and 2 channels into one of 11 samples and 16 channels, which computes the same sums
    several times faster, above all in the backward pass: a convolution of 2 channels leaves a CPU's
    vector units nearly empty.

    Args:
        inputs: ``(batch, width, channels)``.
        kernel: ``(kernel size, channels, filters)``; a kernel of even length is not folded.
        bias: ``(filters,)``, or ``None``.
        ratio: samples to fold, which must divide the width; ``fold_ratio`` chooses it by default.

    Returns:
        ``(batch, width, filters)``, equal to ``keras.ops.conv(…, padding="same")`` up to rounding.
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

    # Unlike a plain sum, this is merged with the convolution, and several times faster backward.
    return tf.nn.bias_add(outputs, ops.cast(bias, outputs.dtype))


def _folded_kernel(kernel, ratio: int):
    """Fold ``(size, channels, filters)`` to ``(taps, ratio * channels, ratio * filters)``.

    The result holds a copy of the kernel for each of ``ratio`` samples, each one sample later.
    """
    size, channels, filters = kernel.shape
    half = size // 2
    reach = -(-half // ratio)  # Folded samples on each side of the middle that the kernel covers.
    length = (2 * reach + 1) * ratio
    lead = reach * ratio - half
    padded = ops.pad(kernel, [[lead, length + 1 - lead - size], [0, 0], [0, 0]])
    # Copies of length + 1, reshaped to rows of length, make each row start one sample later.
    copies = ops.concatenate([padded] * ratio)[: ratio * length]
    shifted = ops.reshape(copies, (ratio, 2 * reach + 1, ratio * channels, filters))
    return ops.reshape(
        ops.transpose(shifted, (1, 2, 0, 3)), (2 * reach + 1, ratio * channels, ratio * filters)
    )
