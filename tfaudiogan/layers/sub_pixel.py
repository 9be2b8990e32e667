import keras

from tfaudiogan.layers.rearrangement import Rearrangement1D, check_rank_3, in_blocks


@keras.saving.register_keras_serializable("tfaudiogan")
class SubPixel1D(Rearrangement1D):
    """Raises the resolution in time by moving channels there (section IV-E, Fig. 3).

    Exact inverse of ``SuperPixel1D`` of the same ratio and order, whichever comes first.

    Args:
        ratio: how many times longer the output is; divides the channels.
        order: ``"interleaved"``, sample ``w * ratio + p`` of channel ``c`` is taken from channel
            ``c * ratio + p``, as in PyTorch's ``PixelShuffle`` and in the paper's code; or
            ``"blocked"``, from channel ``p * channels / ratio + c``, which copies nothing. A
            configuration that was saved without an order is blocked.

    Input shape: ``(batch, width, channels)``, width and batch known or not.

    Output shape: ``(batch, ratio * width, channels / ratio)``.

    Raises:
        TypeError: when the ratio is not an int.
        ValueError: when the ratio is below 1 or does not divide the channels, or the order is
            unknown.

    Example: ``[[1, 2, 3, 4]]`` (width 1, 4 channels) becomes ``[[1, 3], [2, 4]]``, and
    ``[[1, 2], [3, 4]]`` in blocks.
    """

    def call(self, inputs):
        if self.order == "interleaved":
            inputs = in_blocks(inputs, self.ratio)
        return super().call(inputs)

    def compute_output_shape(self, input_shape):
        batch, width, channels = check_rank_3(input_shape, "SubPixel1D")
        if channels % self.ratio:
            raise ValueError(
                f"SubPixel1D got {channels} channels; expected a multiple of ratio {self.ratio}"
            )
        return (batch, None if width is None else width * self.ratio, channels // self.ratio)
