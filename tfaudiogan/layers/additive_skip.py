import keras


@keras.saving.register_keras_serializable("tfaudiogan")
class AdditiveSkip1D(keras.layers.Layer):
    """Adds the network's input to its output, so that the network learns a difference.

    Keras's ``Add`` takes a single window of one channel for a bias and adds it as one, in a form
    that TFLite's converter refuses.

    Input shape: a list of two of ``(batch, width, channels)``: output and input of the network.

    Output shape: ``(batch, width, channels)``.
    """

    def call(self, inputs):
        outputs, skipped = inputs
        return outputs + skipped

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])
