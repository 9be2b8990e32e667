import keras

from tfaudiogan.models.blocks import (
    block_filters,
    check_blocks,
    down_block,
    output_convolution,
    up_block,
)


@keras.saving.register_keras_serializable("tfaudiogan")
class Autoencoder(keras.Model):
    """A functional model whose first part is its ``encoder``."""

    @property
    def encoder(self) -> keras.Model:
        """The model from a window to the bottleneck, whose values the feature loss compares."""
        return self.get_layer("encoder")


def build_autoencoder(
    window: int | None = 8192,
    blocks: int = 4,
    d_max: int = 0,
    base_filters: int = 64,
    reduction: int = 4,
    subpixel: str = "interleaved",
) -> Autoencoder:
    """Build a generator without skip connections, whose bottleneck is a feature space (IV-H).

    Its output is linear, without a tanh, as in the paper's code.

    Args:
        window, blocks, d_max, base_filters, reduction, subpixel: as for ``build_generator``.

    Returns:
        A model from ``(batch, window, 1)`` to ``(batch, window, 1)``, whose ``encoder`` returns
        ``(batch, window / 2**blocks, 2 * filters of the last block)``.

    Raises:
        ValueError: if ``2**blocks`` does not divide the window, a size is out of range, or the
            order is unknown.

    Example: with the defaults, it has 39,409 parameters and a bottleneck of 512 x 128.
    """
    check_blocks(window, blocks, d_max, subpixel)
    filters = block_filters(blocks, d_max, base_filters)

    inputs = keras.Input((window, 1), name="window")
    x = inputs
    for d in range(blocks):
        x = down_block(x, filters[d], reduction, name=f"down_{d}")
    encoder = keras.Model(inputs, x, name="encoder")

    features = keras.Input(x.shape[1:], name="features")
    x = features
    for d in range(blocks):
        x = up_block(x, filters[blocks - 1 - d], reduction, 0.0, f"up_{d}", subpixel)
    decoder = keras.Model(features, output_convolution(x, "linear"), name="decoder")

    inputs = keras.Input((window, 1), name="window")
    return Autoencoder(inputs, decoder(encoder(inputs)), name="autoencoder")
