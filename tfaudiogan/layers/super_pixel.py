import keras

from tfaudiogan.layers.rearrangement import Rearrangement1D, check_rank_3


@keras.saving.register_keras_serializable("tfaudiogan")
class SuperPixel1D(Rearrangement1D):
    """Lowers the resolution in time by moving samples to channels (section IV-E, Fig. 3).

    Exact inverse of ``SubPixel1D`` of the same ratio, in both orders; nothing is lost.

    Args:
        ratio: how many times shorter the output is; divides the width.

    Input shape: ``(batch, width, channels)``, width and batch known or not.

    Output shape: ``(batch, width / ratio, ratio * channels)``.

    Raises:
        TypeError: when the ratio is not an int.
        ValueError: when the ratio is below 1 or does not divide the width.

    Example: ``[[1], [2], [3], [4]]`` (width 4, 1 channel) becomes ``[[1, 2], [3, 4]]``.
    """

    def compute_output_shape(self, input_shape):
        batch, width, channels = check_rank_3(input_shape, "SuperPixel1D")
        if width is not None and width % self.ratio:
            raise ValueError(
                f"SuperPixel1D got a width of {width}; expected a multiple of ratio {self.ratio}"
            )
        return (batch, None if width is None else width // self.ratio, channels * self.ratio)
