"""What the benchmarks share: fair timing, and the machine's own rate to compare with."""

import statistics
import time
from collections.abc import Callable, Mapping

from tfaudiogan.progress import progress_bar

MATRIX_SIZE = 2048


def interleaved(
    cases: Mapping[str, Callable[[], object]], runs: int, warmups: int = 2
) -> dict[str, list[float]]:
    """Seconds of each case's runs, taken in turn: A B C, A B C …

    A change of the machine's clock or load in the middle then meets all of them alike.

    Args:
        cases: what to time, by name; a call returns when its work is done.
        runs: times to run each.
        warmups: calls of each before, which trace and allocate.
    """
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    with progress_bar() as bar:
        task = bar.add_task("measuring", total=len(cases) * (warmups + runs), status="")
        for turn in range(-warmups, runs):
            for name, call in cases.items():
                bar.update(task, status=name)
                begin = time.perf_counter()
                call()
                if turn >= 0:
                    seconds[name].append(time.perf_counter() - begin)
                bar.advance(task)
    return seconds


def medians(seconds: Mapping[str, list[float]]) -> dict[str, float]:
    """The median of each case."""
    return {name: statistics.median(values) for name, values in seconds.items()}


def matrix_product() -> tuple[Callable[[], object], float]:
    """A float32 matrix product through TensorFlow, and the operations that it takes.

    Nothing that a network does on this machine goes faster than this.
    """
    import tensorflow as tf

    factor = tf.random.stateless_normal((MATRIX_SIZE, MATRIX_SIZE), seed=(0, 0))
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(factor, factor)))
    return lambda: product().numpy(), 2.0 * MATRIX_SIZE**3
