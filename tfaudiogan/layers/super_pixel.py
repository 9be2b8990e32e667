import keras

from tfaudiogan.layers.rearrangement import Rearrangement1D, check_rank_3, interleaved


@keras.saving.register_keras_serializable("tfaudiogan")
class SuperPixel1D(Rearrangement1D):
    """Lowers the resolution in time by moving samples to channels (section IV-E, Fig. 3).

    Exact inverse of ``SubPixel1D`` of the same ratio and order, whichever comes first; nothing is
    lost.

    Args:
        ratio: how many times shorter the output is; divides the width.
        order: ``"interleaved"``, sample ``w * ratio + p`` of channel ``c`` becomes channel
            ``c * ratio + p``, as in the paper's code; or ``"blocked"``, channel
            ``p * channels + c``, which copies nothing. A configuration that was saved without an
            order is blocked.

    Input shape: ``(batch, width, channels)``, width and batch known or not.

    Output shape: ``(batch, width / ratio, ratio * channels)``.

    Raises:
        TypeError: when the ratio is not an int.
        ValueError: when the ratio is below 1 or does not divide the width, or the order is unknown.

    Example: ``[[1, 3], [2, 4]]`` (width 2, 2 channels) becomes ``[[1, 2, 3, 4]]``, and
    ``[[1, 3, 2, 4]]`` in blocks.
    """

    def call(self, inputs):
        outputs = super().call(inputs)
        return interleaved(outputs, self.ratio) if self.order == "interleaved" else outputs

    def compute_output_shape(self, input_shape):
        batch, width, channels = check_rank_3(input_shape, "SuperPixel1D")
        if width is not None and width % self.ratio:
            raise ValueError(
                f"SuperPixel1D got a width of {width}; expected a multiple of ratio {self.ratio}"
            )
        return (batch, None if width is None else width // self.ratio, channels * self.ratio)
