import keras
from keras import ops


@keras.saving.register_keras_serializable("tfaudiogan")
class PowerSpectrum1D(keras.layers.Layer):
    """Squared magnitude of a spectrum, the mean over its channels.

    Computes in float32 whatever the dtype policy of the program.

    Input shape: real and imaginary parts, each ``(batch, channels, frames, bins)``.

    Output shape: ``(batch, frames, bins)``.

    Example: two channels of powers 1 and 3 in a bin have a mean power of 2 there.
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
