import keras

from tfaudiogan.layers.rearrangement import Rearrangement1D, check_rank_3


@keras.saving.register_keras_serializable("tfaudiogan")
class SubPixel1D(Rearrangement1D):
    """Raises the resolution in time by moving channels there (section IV-E, Fig. 3).

    Exact inverse of ``SuperPixel1D`` of the same ratio, in both orders.

    Args:
        ratio: how many times longer the output is; divides the channels.

    Input shape: ``(batch, width, channels)``, width and batch known or not.

    Output shape: ``(batch, ratio * width, channels / ratio)``.

    Raises:
        TypeError: when the ratio is not an int.
        ValueError: when the ratio is below 1 or does not divide the channels.

    Example: ``[[1, 2], [3, 4]]`` (width 2, 2 channels) becomes ``[[1], [2], [3], [4]]``.
    """

    def compute_output_shape(self, input_shape):
        batch, width, channels = check_rank_3(input_shape, "SubPixel1D")
        if channels % self.ratio:
            raise ValueError(
                f"SubPixel1D got {channels} channels; expected a multiple of ratio {self.ratio}"
            )
        return (batch, None if width is None else width * self.ratio, channels // self.ratio)
