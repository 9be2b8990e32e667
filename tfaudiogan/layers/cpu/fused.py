"""Fusion of elementwise operations into one pass over memory.

TensorFlow runs elementwise operations one after another, each in a pass over memory, which on CPUs
takes longer than the convolutions. XLA fuses them into one pass, forward and backward. Convolutions
stay outside of it, since TensorFlow's own kernels are faster.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import keras

FEWEST_VALUES = 32768
"""Values of a sample below which fusing gains nothing, since all passes stay in the cache."""

_enabled: ContextVar[bool] = ContextVar("enabled", default=False)


@contextmanager
def fusing(enabled: bool = True) -> Iterator[None]:
    """Allow the layers that are called in this context to fuse their operations.

    Fusion is off by default, since exported models may only use operators that other runtimes have.
    """
    token = _enabled.set(enabled)
    try:
        yield
    finally:
        _enabled.reset(token)


def is_fusing() -> bool:
    """Whether layers may use TensorFlow operations that other runtimes lack."""
    return _enabled.get() and keras.backend.backend() == "tensorflow"


def fuses(shape: Sequence[int | None]) -> bool:
    """Whether fusing operations on ``(batch, width, channels)`` is enabled, possible and faster."""
    return (
        is_fusing()
        and None not in shape[1:]
        and math.prod(size or 0 for size in shape[1:]) >= FEWEST_VALUES
    )


def fused(function: Callable) -> Callable:
    """Compile ``function`` to one pass over memory, and its gradients of any order to one or two.

    A gradient recomputes what it needs of the forward pass instead of reading it from memory.
    Gradients by arguments of the first argument's shape take one pass. Gradients by all other
    arguments, such as weights, take another one, which only runs if they are needed.

    Args:
        function: maps tensors to a tensor or a tuple of tensors. Compilations are cached by it, so
            it is a module-level function whose result depends only on its arguments.
    """
    import tensorflow as tf

    @tf.custom_gradient
    def run(*inputs):
        def gradient(*upstream):
            like_first = [x.shape == inputs[0].shape for x in inputs]
            floating = [x.dtype.is_floating for x in inputs]
            gradients = [None] * len(inputs)
            for group in (True, False):
                wanted = tuple(
                    i for i, like in enumerate(like_first) if floating[i] and like is group
                )
                if wanted:
                    backward = fused(_product_with_jacobian(function, len(inputs), wanted))
                    results = backward(*inputs, *upstream)
                    for i, result in zip(wanted, results, strict=True):
                        gradients[i] = result
            return gradients

        return compiled(function)(*inputs), gradient

    return run


def compiled(function: Callable) -> Callable:
    """Compile ``function`` of tensors to one pass; asking for its gradient is an error."""
    import tensorflow as tf

    @tf.custom_gradient
    def call(*inputs):
        def gradient(*_):
            raise NotImplementedError(f"{function.__name__} is compiled and has no gradient")

        signature = tuple((tuple(x.shape), x.dtype) for x in inputs)
        return _compiled(function, signature)(*inputs), gradient

    return call


@functools.cache
def _compiled(function: Callable, signature: tuple) -> Callable:
    import tensorflow as tf

    return tf.function(function, jit_compile=True, autograph=False)


@functools.cache
def _product_with_jacobian(function: Callable, count: int, wanted: tuple[int, ...]) -> Callable:
    """Return a function that computes gradients of ``function`` by some of its ``count`` arguments.

    Its arguments are those of ``function``, followed by the gradients of the results.
    """
    import tensorflow as tf

    def product(*arguments):
        inputs, upstream = arguments[:count], arguments[count:]
        sources = [inputs[i] for i in wanted]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            results = function(*inputs)
        results = results if isinstance(results, tuple) else (results,)
        return tuple(tape.gradient(results, sources, list(upstream), unconnected_gradients="zero"))

    return product
