"""Interleaved timing, and the speed of the machine for comparison."""

import statistics
import time
from collections.abc import Callable, Mapping

from tfaudiogan.progress import progress_bar

MATRIX_SIZE = 2048


def interleaved(
    cases: Mapping[str, Callable[[], object]], runs: int, warmups: int = 2
) -> dict[str, list[float]]:
    """Time the runs of each case in turn: A B C, A B C …

    A change of the machine's clock rate or load then affects all cases alike.

    Args:
        cases: functions to time, by name; each returns when its work is done.
        runs: number of runs of each case.
        warmups: number of calls of each case before timing, which trace and allocate.
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
    """Return the median of each case."""
    return {name: statistics.median(values) for name, values in seconds.items()}


def matrix_product() -> tuple[Callable[[], object], float]:
    """Return a float32 matrix product in TensorFlow, and its number of operations.

    No operation of a network runs faster than this on the same machine.
    """
    import tensorflow as tf

    factor = tf.random.stateless_normal((MATRIX_SIZE, MATRIX_SIZE), seed=(0, 0))
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(factor, factor)))
    return lambda: product().numpy(), 2.0 * MATRIX_SIZE**3
