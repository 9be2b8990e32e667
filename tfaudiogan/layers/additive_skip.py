import keras


@keras.saving.register_keras_serializable("tfaudiogan")
class AdditiveSkip1D(keras.layers.Layer):
    """Add the network's input to its output, so that the network learns a difference.

    Keras's ``Add`` treats a single window of one channel as a bias, in a form that TFLite's
    converter rejects.

    Input shape: a list of the network's output and its input, each ``(batch, width, channels)``.

    Output shape: ``(batch, width, channels)``.
    """

    def call(self, inputs):
        network_output, network_input = inputs
        return network_output + network_input

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])
