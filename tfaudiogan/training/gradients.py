"""What Keras leaves to the backend in a step of several updates, for TensorFlow and JAX."""

from collections.abc import Callable, Sequence
from typing import Any

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


def value_and_pullback(
    function: Callable[[], object], variables: Sequence, state: Sequence
) -> tuple[object, Callable]:
    """Value of a function, and what takes a gradient by that value back to Keras variables.

    Args:
        function: computes a tensor from the variables' present values.
        variables: those to differentiate by.
        state: every variable that ``function`` may update (seeds, statistics, metrics). JAX runs
            it in a scope without side effects, and the updates are carried out here.

    Returns:
        The value; and a function, to be called once, from a tensor of its shape to a gradient for
        each variable, at the values that they had.
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

    wanted = {id(variable) for variable in variables}
    others = [variable for variable in state if id(variable) not in wanted]
    sources = [variable.value for variable in variables]
    value, pullback, updates = jax.vjp(with_variables, sources, has_aux=True)
    _carry_out(others, updates)
    return value, lambda upstream: pullback(upstream)[0]


def value_and_gradients(
    function: Callable[[], Any], variables: Sequence, state: Sequence
) -> tuple[Any, list]:
    """Value of a scalar loss and its gradients by variables; arguments as above."""
    loss, pullback = value_and_pullback(function, variables, state)
    return loss, pullback(ops.ones_like(loss))


def gradient_by_tensor(function: Callable, tensor, state: Sequence):
    """Gradient of a scalar ``function(tensor)`` by that tensor; ``state`` as above."""
    if check_backend() == "tensorflow":
        return input_gradient(function, tensor)

    import jax

    gradient, updates = jax.grad(
        lambda value: _in_scope(lambda: function(value), (), state), has_aux=True
    )(tensor)
    _carry_out(state, updates)
    return gradient


def _in_scope(function: Callable[[], object], values, state: Sequence) -> tuple[object, list]:
    """Run without side effects at some variables' values; what the state would then be."""
    mapping = [(v, v.value) for v in state] + list(values)
    with keras.StatelessScope(state_mapping=mapping) as scope:
        result = function()
    return result, [scope.get_current_value(v) for v in state]


def _carry_out(state: Sequence, updates: list) -> None:
    for variable, value in zip(state, updates, strict=True):
        variable.assign(value)


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

    def update(self, loss: Callable[[], Any], variables: Sequence, optimizer) -> None:
        """Move ``variables`` down the gradient of a loss; none, and only the loss is computed.

        The loss is the mean over the batch, or over this replica's part of it.
        """
        if not variables:
            loss()
            return
        state = self.state(optimizer)
        _, gradients = value_and_gradients(lambda: loss() / replicas(), variables, state)
        optimizer.apply(gradients, variables)

    def state(self, optimizer) -> list:
        """Every variable that a part of the step may update."""
        return self.variables + self.metrics_variables + optimizer.variables

    def train_step(self, *arguments):
        """``step`` in the form that the backend's trainer calls."""
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
