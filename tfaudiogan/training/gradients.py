"""What Keras leaves to the backend in a step of several updates, for TensorFlow and JAX."""

from collections.abc import Callable, Sequence

import keras
from keras import ops

from tfaudiogan.training.replicas import ReplicatedModel, replicas

BACKENDS = ("tensorflow", "jax")


def check_backend() -> str:
    """The backend's name.

    Raises:
        NotImplementedError: for a backend the trainer has no gradients for.
    """
    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise NotImplementedError(
            f"adversarial training runs on {' and '.join(BACKENDS)}; the Keras backend is {backend}"
        )
    return backend


def value_and_gradients(function: Callable[[], object], variables: Sequence, state: Sequence):
    """Value of a loss and its gradients with respect to Keras variables.

    Args:
        function: computes the scalar loss from the variables' present values.
        variables: those to differentiate.
        state: every variable that ``function`` may update (seeds, statistics, metrics). JAX runs
            it in a scope without side effects, and the updates are carried out here.
    """
    if check_backend() == "tensorflow":
        import tensorflow as tf

        values = [variable.value for variable in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            loss = function()
        return loss, tape.gradient(loss, values)

    import jax

    wanted = {id(variable) for variable in variables}
    others = [variable for variable in state if id(variable) not in wanted]

    def pure(values):
        mapping = [(v, v.value) for v in others]
        mapping += list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            loss = function()
        return loss, [scope.get_current_value(v) for v in others]

    values = [variable.value for variable in variables]
    (loss, updates), gradients = jax.value_and_grad(pure, has_aux=True)(values)
    for variable, value in zip(others, updates, strict=True):
        variable.assign(value)
    return loss, gradients


def input_gradient(function: Callable, inputs):
    """Gradient of the sum of ``function(inputs)`` with respect to the inputs, of their shape."""
    if check_backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            outputs = function(inputs)
        return tape.gradient(outputs, inputs)

    import jax

    return jax.grad(lambda values: ops.sum(function(values)))(inputs)


class MultiUpdateModel(ReplicatedModel):
    """A model whose training step makes several updates, written once for both backends.

    A subclass gives ``step(data) -> logs`` and calls ``update`` in it.
    """

    def step(self, data) -> dict:
        """All updates of a training step, from one batch of data to its logs."""
        raise NotImplementedError

    def update(self, loss: Callable[[], object], variables: Sequence, optimizer) -> None:
        """Move ``variables`` down the gradient of a loss; none, and only the loss is computed.

        The loss is the mean over the batch, or over this replica's part of it.
        """
        if not variables:
            loss()
            return
        state = self.variables + self.metrics_variables + optimizer.variables
        _, gradients = value_and_gradients(lambda: loss() / replicas(), variables, state)
        optimizer.apply(gradients, variables)

    def train_step(self, *arguments):
        """``step`` in the form that the backend's trainer calls."""
        if check_backend() == "jax":
            return self._stateless_step(*arguments)
        return self.step(*arguments)

    def _stateless_step(self, state, data):
        groups = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        mapping = [
            pair
            for group, values in zip(groups, state, strict=True)
            for pair in zip(group, values, strict=True)
        ]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            logs = self.step(data)
        return logs, tuple([scope.get_current_value(v) for v in group] for group in groups)
