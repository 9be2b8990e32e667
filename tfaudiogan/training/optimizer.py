import keras

from tfaudiogan.training.replicas import replicas, sum_over_replicas


@keras.saving.register_keras_serializable("tfaudiogan")
class AveragingAdam(keras.optimizers.Adam):
    """Adam that keeps a moving average of the weights beside them.

    Keras puts the average in the weights' place whenever ``fit`` returns, so that a run that is
    continued would go on from other weights than it had. Here only ``put_average`` does.

    The momentum grows to ``ema_momentum`` as ``t / (t + 9)`` over the first steps, so that a short
    run's average is not that of its beginning.
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
        """Clip what one device would have, not each replica's share of it."""
        if self.global_clipnorm is None:
            return super()._clip_gradients(grads)
        clipped = super()._clip_gradients(sum_over_replicas(grads))
        return [gradient / replicas() for gradient in clipped]

    def finalize_variable_values(self, var_list) -> None:
        """Leave the weights as they are when ``fit`` returns."""

    def put_average(self, variables) -> None:
        """Overwrite the variables, those the optimiser was built for, with their average."""
        super().finalize_variable_values(variables)
        for variable in variables:
            # With JAX both would be one array, which a compiled step may take for its own.
            variable.assign(keras.ops.copy(variable.value))
