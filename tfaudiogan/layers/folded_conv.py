import keras

from tfaudiogan.layers.cpu.folding import folded_convolution


@keras.saving.register_keras_serializable("tfaudiogan")
class FoldedConv1D(keras.layers.Conv1D):
    """Keras's ``Conv1D``, several times as fast where channels or filters are few.

    Same weights and, to rounding, same output; ``layers.cpu.folding`` says how. Padding is "same",
    the strides and the dilation are 1 and there is one group.

    Args:
        filters: channels of the output.
        kernel_size: samples of the kernel.
        kwargs: as for ``Conv1D``.

    Input shape: ``(batch, width, channels)``, width and batch known or not.

    Output shape: ``(batch, width, filters)``.

    Raises:
        ValueError: when padding, strides, dilation, groups or data format are others.
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs) -> None:
        fixed = {
            "padding": "same",
            "strides": 1,
            "dilation_rate": 1,
            "groups": 1,
            "data_format": "channels_last",
        }
        for name, value in fixed.items():
            given = kwargs.pop(name, value)
            if given not in (value, (value,), [value]):
                raise ValueError(f"{name} is {given!r}; expected {value!r}")
        super().__init__(filters, kernel_size, **fixed, **kwargs)

    def call(self, inputs):
        outputs = folded_convolution(inputs, self.kernel, self.bias if self.use_bias else None)
        return outputs if self.activation is None else self.activation(outputs)
