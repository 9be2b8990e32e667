import keras
from keras import layers

from tfaudiogan.layers import Epilogue1D, Inception1D, SuperPixel1D
from tfaudiogan.models.blocks import RATIO, block_filters, check_blocks

NORMALIZATIONS = ("layer", "batch", "none")


def build_discriminator(
    window: int = 8192,
    blocks: int = 7,
    d_max: int = 0,
    base_filters: int = 64,
    reduction: int = 16,
    dense_units: int = 128,
    normalization: str = "layer",
    dropout: float = 0.2,
    epsilon: float = 1e-3,
) -> keras.Model:
    """Build the network that tells target windows from generated ones (section IV-G, Fig. 5).

    Args:
        window: samples in a window.
        blocks: number of down-sampling blocks after the first inception module.
        d_max: number of times that the filters double, block by block from the first.
        base_filters: filters of the first block.
        reduction: filters of an inception branch for each channel of its bottleneck.
        dense_units: units of the first fully connected layer.
        normalization: ``"layer"`` over time and channels for the Wasserstein GAN, whose penalty
            is defined for each sample by itself; ``"batch"`` for the vanilla GAN; or ``"none"``.
        dropout: dropout rate in the blocks and before the last layer.
        epsilon: number that the normalization adds to the variance; 1e-5 in the paper's code.

    Returns:
        A model from ``(batch, window, 1)`` to ``(batch, 1)``, an unbounded score.

    Raises:
        ValueError: if ``2**blocks`` does not divide the window, the normalization is unknown, or a
            size is out of range.

    Example: with the defaults, it has 3,142,693 parameters.
    """
    check_blocks(window, blocks, d_max)
    if normalization not in NORMALIZATIONS:
        raise ValueError(
            f"normalization is {normalization!r}; choose one of {', '.join(NORMALIZATIONS)}"
        )

    inputs = keras.Input((window, 1), name="window")
    x = Inception1D(base_filters, reduction=reduction, name="stem_inception")(inputs)
    x = Epilogue1D(slope=0.2, name="stem_epilogue")(x)
    for d, filters in enumerate(block_filters(blocks, d_max, base_filters)):
        x = Inception1D(filters, reduction=reduction, name=f"down_{d}_inception")(x)
        if normalization == "batch":
            x = layers.BatchNormalization(epsilon=epsilon, name=f"down_{d}_norm")(x)
        x = Epilogue1D(
            normalization == "layer",
            dropout,
            slope=0.2,
            epsilon=epsilon,
            name=f"down_{d}_epilogue",
        )(x)
        x = SuperPixel1D(RATIO, "blocked", name=f"down_{d}_superpixel")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(dense_units, name="dense")(x)
    x = layers.Dropout(dropout, name="dense_dropout")(x)
    x = layers.LeakyReLU(0.2, name="dense_leaky_relu")(x)
    outputs = layers.Dense(1, name="score")(x)
    return keras.Model(inputs, outputs, name="discriminator")
