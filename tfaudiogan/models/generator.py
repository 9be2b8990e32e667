import keras

from tfaudiogan.layers import AdditiveSkip1D
from tfaudiogan.models.blocks import (
    block_filters,
    check_blocks,
    down_block,
    output_convolution,
    up_block,
)


def build_generator(
    window: int | None = 8192,
    blocks: int = 8,
    d_max: int = 4,
    base_filters: int = 64,
    reduction: int = 16,
    dropout: float = 0.2,
    additive_skip: bool = False,
    subpixel: str = "interleaved",
) -> keras.Model:
    """Build the U-Net that maps an input waveform to a target waveform (section IV-F, Fig. 4).

    Args:
        window: samples in a window; ``None`` for any length that ``2**blocks`` divides.
        blocks: number of down-sampling blocks and of up-sampling blocks (``B_g``).
        d_max: number of times that the filters double, block by block from the first; it
            determines the capacity.
        base_filters: filters of the first block.
        reduction: filters of an inception branch for each channel of its bottleneck.
        dropout: dropout rate in the up-sampling blocks.
        additive_skip: whether to add the input to the output, so that the network learns a
            difference.
        subpixel: order in which the subpixel layers take channels: ``"interleaved"``, as in the
            paper's code, or ``"blocked"``.

    Returns:
        A model from ``(batch, window, 1)`` to ``(batch, window, 1)``, within [-1, 1] unless
        ``additive_skip`` is true.

    Raises:
        ValueError: if ``2**blocks`` does not divide the window, a size is out of range, or the
            order is unknown.

    Example: with the defaults, it has 3,106,781 parameters; with ``d_max=0``, 29,989.
    """
    check_blocks(window, blocks, d_max, subpixel)
    filters = block_filters(blocks, d_max, base_filters)

    inputs = keras.Input((window, 1), name="window")
    x = inputs
    skips = []
    for d in range(blocks):
        skips.append(x)
        x = down_block(x, filters[d], reduction, name=f"down_{d}")
    for d in range(blocks):
        x = up_block(x, filters[blocks - 1 - d], reduction, dropout, f"up_{d}", subpixel)
        skip = skips.pop()
        if skip is not inputs:
            x = [x, skip]
    outputs = output_convolution(x, "tanh")
    if additive_skip:
        outputs = AdditiveSkip1D(name="additive_skip")([outputs, inputs])
    return keras.Model(inputs, outputs, name="generator")
