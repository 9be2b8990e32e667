import keras

from tfaudiogan.layers.cpu.folding import folded_convolution


@keras.saving.register_keras_serializable("tfaudiogan")
class FoldedConv1D(keras.layers.Conv1D):
    """A ``Conv1D`` that is several times faster on CPUs if channels or filters are few.

    Its weights are those of Keras's ``Conv1D``, and its output is the same up to rounding;
    ``layers.cpu.folding`` explains how it works. Padding is "same", strides and dilation are 1, and
    there is one group.

    Args:
        filters: number of output channels.
        kernel_size: samples in the kernel.
        kwargs: arguments of ``Conv1D``.

    Input shape: ``(batch, width, channels)``, width and batch known or not.

    Output shape: ``(batch, width, filters)``.

    Raises:
        ValueError: if padding, strides, dilation, groups or data format have another value.
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
            argument = kwargs.pop(name, value)
            if argument not in (value, (value,), [value]):
                raise ValueError(f"{name} is {argument!r}; expected {value!r}")
        super().__init__(filters, kernel_size, **fixed, **kwargs)

    def call(self, inputs):
        outputs = folded_convolution(inputs, self.kernel, self.bias if self.use_bias else None)
        return outputs if self.activation is None else self.activation(outputs)
