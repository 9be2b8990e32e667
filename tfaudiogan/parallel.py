"""Runs work on many items in several processes, or ahead of its use in a thread."""

import functools
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from tfaudiogan.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(items: Iterable[Item], depth: int = 1) -> Iterator[Item]:
    """Yield items that a separate thread computes ahead, while the caller works on earlier ones.

    This saves time for work that releases the interpreter's lock, as NumPy, libsndfile and the
    networks do. Exceptions in the thread are raised here. The thread stops if the caller does.

    Args:
        items: Items, which the thread computes one after the other.
        depth: Number of items that are computed ahead, 1 or more.
    """
    iterator = iter(items)
    end: Any = object()
    executor = ThreadPoolExecutor(1)
    try:
        waiting = deque(executor.submit(next, iterator, end) for _ in range(depth))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(executor.submit(next, iterator, end))
            yield item
    finally:
        executor.shutdown(cancel_futures=True)


def check_jobs(jobs: int | None) -> None:
    """Raise InputError if the number of processes is less than 1."""
    if jobs is not None and jobs < 1:
        raise InputError(f"jobs is {jobs}; expected 1 or more")


def run_jobs(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    finish: Callable[[Item, Callable[[], Result]], None],
    jobs: int | None = None,
) -> None:
    """Call ``finish(item, result)`` for each item when its work is done, in any order.

    ``result()`` returns what ``work(item)`` returned, or raises what it raised. Processes are
    spawned and not forked, which is safe if the parent has started TensorFlow. An interrupt ends
    them immediately.

    Args:
        work: Function or callable object, which is pickled and sent to the processes.
        items: Items, which are sent to the processes.
        finish: Function that is called in this process.
        jobs: Number of processes; one for each CPU core by default. With one process or one item,
            the work is done in this process.

    Raises:
        InputError: If a process dies.
    """
    check_jobs(jobs)
    jobs = min(jobs or processors(), len(items))
    if jobs <= 1:
        for item in items:
            finish(item, functools.partial(work, item))
        return
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), _start_worker, (work,)
    ) as executor:
        try:
            with _interrupts_blocked():
                futures = {executor.submit(_work, item): item for item in items}
            for future in as_completed(futures):
                finish(futures[future], future.result)
        except BrokenProcessPool as error:
            raise InputError(
                "a rendering process died, most likely out of memory; run again with fewer jobs "
                "(finished tracks are kept)"
            ) from error
        except BaseException:
            # The pool ends with its processes, and its thread before the interpreter does: `with`
            # waits for it.
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
            raise


def processors() -> int:
    """Return the number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_current: Callable


def _start_worker(work: Callable) -> None:
    global _current
    _current = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent stops its workers.


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Hold back SIGINT; processes that are started in this context never receive it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(item: Any) -> Any:
    return _current(item)
