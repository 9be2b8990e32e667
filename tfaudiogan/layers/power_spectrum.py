import keras
from keras import ops


@keras.saving.register_keras_serializable("tfaudiogan")
class PowerSpectrum1D(keras.layers.Layer):
    """Compute the squared magnitude of a spectrum, averaged over its channels.

    The layer computes in float32, whatever the global dtype policy is.

    Input shape: real and imaginary parts, each ``(batch, channels, frames, bins)``.

    Output shape: ``(batch, frames, bins)``.

    Example: two channels with powers 1 and 3 in a bin give 2.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, inputs):
        real, imaginary = inputs
        powers = ops.square(real) + ops.square(imaginary)
        return powers[:, 0] if powers.shape[1] == 1 else ops.mean(powers, axis=1)

    def compute_output_shape(self, input_shape):
        batch, _, frames, bins = input_shape[0]
        return (batch, frames, bins)
