import keras

from tfaudiogan.training.replicas import replicas, sum_over_replicas


@keras.saving.register_keras_serializable("tfaudiogan")
class AveragingAdam(keras.optimizers.Adam):
    """Adam that keeps a moving average of the weights and leaves the weights themselves alone.

    Keras's Adam overwrites the weights with their average whenever ``fit`` returns, so a resumed
    run would continue from other weights than it had. Here only ``put_average`` overwrites them.

    The momentum at step ``t`` is ``t / (t + 9)``, at most ``ema_momentum``, so that the average of
    a short run does not consist of its first weights.
    """

    def _update_model_variables_moving_average(self, trainable_variables) -> None:
        if not self.use_ema:
            return
        step = keras.ops.cast(self.iterations, "float32")
        momentum = keras.ops.minimum(self.ema_momentum, step / (step + 9.0))
        for variable, average in zip(
            trainable_variables, self._model_variables_moving_average, strict=True
        ):
            average.assign(average + (1.0 - momentum) * (variable.value - average.value))

    def _clip_gradients(self, grads):
        """Clip the sum of the replicas' gradients, which is what a single device would clip."""
        if self.global_clipnorm is None:
            return super()._clip_gradients(grads)
        clipped = super()._clip_gradients(sum_over_replicas(grads))
        return [gradient / replicas() for gradient in clipped]

    def finalize_variable_values(self, var_list) -> None:
        """Do nothing, so that the weights are kept when ``fit`` returns."""

    def put_average(self, variables) -> None:
        """Overwrite the variables that the optimizer was built for with their averages."""
        super().finalize_variable_values(variables)
        for variable in variables:
            # Under JAX both would share one array, and a compiled step may reuse its memory.
            variable.assign(keras.ops.copy(variable.value))
