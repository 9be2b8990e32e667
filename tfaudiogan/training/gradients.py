"""Gradients and training steps of several updates, for TensorFlow and JAX."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from tfaudiogan.training.replicas import ReplicatedModel, replicas

BACKENDS = ("tensorflow", "jax")


def check_backend() -> str:
    """Return the name of the Keras backend.

    Raises:
        NotImplementedError: If the backend is neither TensorFlow nor JAX.
    """
    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise NotImplementedError(
            f"adversarial training runs on {' and '.join(BACKENDS)}; the Keras backend is {backend}"
        )
    return backend


def value_and_pullback(
    function: Callable[[], object], variables: Sequence, state: Sequence
) -> tuple[object, Callable]:
    """Compute the value of a function and its pullback (vector-Jacobian product).

    Args:
        function: Computes a tensor from the variables' current values.
        variables: Keras variables to differentiate with respect to.
        state: All variables that ``function`` may update (seeds, statistics, metrics). JAX runs
            ``function`` in a scope without side effects, and the updates are applied afterward.

    Returns:
        The value, and the pullback: a function that maps the gradient with respect to the value to
        the gradients with respect to the variables. It can be called once.
    """
    if check_backend() == "tensorflow":
        import tensorflow as tf

        sources = [variable.value for variable in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            value = function()
        return value, lambda upstream: tape.gradient(value, sources, output_gradients=upstream)

    import jax

    def with_variables(values):
        return _in_scope(function, zip(variables, values, strict=True), others)

    differentiated = {id(variable) for variable in variables}
    others = [variable for variable in state if id(variable) not in differentiated]
    sources = [variable.value for variable in variables]
    value, pullback, updates = jax.vjp(with_variables, sources, has_aux=True)
    _assign(others, updates)
    return value, lambda upstream: pullback(upstream)[0]


def value_and_gradients(
    function: Callable[[], Any], variables: Sequence, state: Sequence
) -> tuple[Any, list]:
    """Compute a scalar loss and its gradients; the arguments are ``value_and_pullback``'s."""
    loss, pullback = value_and_pullback(function, variables, state)
    return loss, pullback(ops.ones_like(loss))


def gradient_by_tensor(function: Callable, tensor, state: Sequence):
    """Return the gradient of a scalar ``function(tensor)`` with respect to the tensor.

    ``state`` is that of ``value_and_pullback``.
    """
    if check_backend() == "tensorflow":
        return input_gradient(function, tensor)

    import jax

    gradient, updates = jax.grad(
        lambda value: _in_scope(lambda: function(value), (), state), has_aux=True
    )(tensor)
    _assign(state, updates)
    return gradient


def _in_scope(function: Callable[[], object], values, state: Sequence) -> tuple[object, list]:
    """Call a function without side effects; return its result and the updated state.

    Args:
        function: Function to call.
        values: Pairs of a variable and the value that it has during the call.
        state: Variables that the function may update.
    """
    mapping = [(v, v.value) for v in state] + list(values)
    with keras.StatelessScope(state_mapping=mapping) as scope:
        result = function()
    return result, [scope.get_current_value(v) for v in state]


def _assign(state: Sequence, updates: list) -> None:
    for variable, value in zip(state, updates, strict=True):
        variable.assign(value)


def input_gradient(function: Callable, inputs):
    """Return the gradient of the sum of ``function(inputs)``; it has the shape of the inputs."""
    if check_backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            outputs = function(inputs)
        return tape.gradient(outputs, inputs)

    import jax

    return jax.grad(lambda values: ops.sum(function(values)))(inputs)


class MultiUpdateModel(ReplicatedModel):
    """A model whose training step makes several updates, on TensorFlow or JAX.

    A subclass implements ``step(data) -> logs`` and calls ``update`` in it.
    """

    def step(self, data) -> dict:
        """Make all updates of a training step on one batch of data, and return the logs."""
        raise NotImplementedError

    def update(self, loss: Callable[[], Any], variables: Sequence, optimizer) -> None:
        """Update ``variables`` by the gradient of a loss; without any, compute only the loss.

        The loss is the mean over the batch, or over this replica's part of it.
        """
        if not variables:
            loss()
            return
        state = self.state(optimizer)
        _, gradients = value_and_gradients(lambda: loss() / replicas(), variables, state)
        optimizer.apply(gradients, variables)

    def state(self, optimizer) -> list:
        """Return all variables that one update of the step may change."""
        return self.variables + self.metrics_variables + optimizer.variables

    def train_step(self, *arguments):
        """Call ``step`` as the backend's Keras trainer expects it."""
        if check_backend() == "jax":
            return self._stateless_step(*arguments)
        with self.fusing():
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
