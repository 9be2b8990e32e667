"""The building blocks of generator and autoencoder (Fig. 4)."""

from tfaudiogan.layers import Epilogue1D, FoldedConv1D, Inception1D, SubPixel1D, SuperPixel1D
from tfaudiogan.layers.rearrangement import check_order

RATIO = 2


def block_filters(blocks: int, d_max: int, base_filters: int = 64) -> list[int]:
    """Return the filters of each down-sampling block: ``base_filters * 2**min(d, d_max)`` (IV-F).

    The up-sampling blocks have the same numbers of filters in reverse order.
    """
    return [base_filters * 2 ** min(d, d_max) for d in range(blocks)]


def check_blocks(window: int | None, blocks: int, d_max: int, order: str = "interleaved") -> None:
    """Raise ValueError if a size is out of range, the sizes do not fit together, or the order is
    unknown."""
    check_order(order)
    if blocks < 1:
        raise ValueError(f"blocks is {blocks}; expected 1 or more")
    if d_max < 0:
        raise ValueError(f"d_max is {d_max}; expected 0 or more")
    if window is not None and (window < 1 or window % 2**blocks):
        raise ValueError(
            f"window is {window} samples; expected a multiple of {2**blocks} for {blocks} blocks"
        )


def down_block(x, filters: int, reduction: int, name: str):
    """Apply inception, PReLU, superpixel: half the width and ``2 * filters`` channels.

    The order of the superpixel layer does not matter, since a 1x1 convolution follows. It is the
    one that copies nothing.
    """
    x = Inception1D(filters, reduction=reduction, name=f"{name}_inception")(x)
    x = Epilogue1D(name=f"{name}_epilogue")(x)
    return SuperPixel1D(RATIO, "blocked", name=f"{name}_superpixel")(x)


def up_block(x, filters: int, reduction: int, dropout: float, name: str, order: str):
    """Apply inception, dropout, PReLU, subpixel: twice the width and ``filters / 2`` channels.

    The order of the subpixel layer determines what the network computes. In blocks, one half of the
    filters, and so of the kernel sizes, gives the even samples and the other half the odd ones. An
    interleaved layer takes no pass over the signal, because the inception module already outputs
    its filters in blocks.
    """
    phases = RATIO if order == "interleaved" else 1
    x = Inception1D(filters, reduction=reduction, phases=phases, name=f"{name}_inception")(x)
    x = Epilogue1D(dropout=dropout, phases=phases, name=f"{name}_epilogue")(x)
    return SubPixel1D(RATIO, "blocked", name=f"{name}_subpixel")(x)


def subpixel_order(model) -> str:
    """Return the order of the subpixel layers of a network that was built or loaded.

    Example: it is ``"blocked"`` for files that were saved before the order could be chosen.
    """
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, Inception1D)]
    return "interleaved" if any(layer.phases > 1 for layer in layers) else "blocked"


def output_convolution(x, activation: str):
    """Apply the last layer, a 27x1 convolution to one channel.

    Its kernel is initialized to zero, so that training starts at silence (an SNR of 0 dB) instead
    of noise far louder than the target, which would take the first hundred steps to unlearn.
    """
    return FoldedConv1D(1, 27, activation=activation, kernel_initializer="zeros", name="output")(x)
