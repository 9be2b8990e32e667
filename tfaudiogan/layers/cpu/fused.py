"""Work on each value by itself, in one pass over memory.

TensorFlow runs such work one operation after another, each of them a pass over memory, and on a
processor that takes longer than the convolutions between. XLA makes one pass of them, forward and
backward; but not of convolutions, where TensorFlow's own kernels are the faster ones.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import keras

FEWEST_VALUES = 32768
"""Values of a sample below which fusing gains nothing, as all passes stay in the cache."""

_enabled: ContextVar[bool] = ContextVar("enabled", default=False)


@contextmanager
def fusing(enabled: bool = True) -> Iterator[None]:
    """Layers called in here may fuse their work.

    Off by default: what is exported must be made of operators that other runtimes know.
    """
    token = _enabled.set(enabled)
    try:
        yield
    finally:
        _enabled.reset(token)


def is_fusing() -> bool:
    """Whether layers may use what TensorFlow has and other runtimes lack."""
    return _enabled.get() and keras.backend.backend() == "tensorflow"


def fuses(shape: Sequence[int | None]) -> bool:
    """Whether work on ``(batch, width, channels)`` is to be fused: on, possible and worth it."""
    return (
        is_fusing()
        and None not in shape[1:]
        and math.prod(size or 0 for size in shape[1:]) >= FEWEST_VALUES
    )


def fused(function: Callable) -> Callable:
    """``function`` as one pass, and its gradients of any order as one or two more.

    A gradient computes again what it needs of the forward pass instead of reading it from memory.
    The gradients of what has the first argument's shape make one pass, those of all others, such
    as weights, another, which is not run where nobody asks for them.

    Args:
        function: of tensors, to a tensor or a tuple of them; a function of a module, whose
            behavior depends on its arguments alone.
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
    """``function`` of tensors as one pass, without a gradient: to ask for one is an error."""
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
    """The gradients of ``function`` by some of its ``count`` arguments, as a function.

    Of those arguments, followed by the gradients of its results.
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
