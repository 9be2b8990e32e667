"""The same work on many items, in several processes; and work ahead of need, in a thread."""

import functools
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from tfaudiogan.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(items: Iterable[Item], depth: int = 1) -> Iterator[Item]:
    """Yield the items, which a thread of its own makes while the caller works on those before.

    For work that leaves the interpreter, as NumPy, libsndfile and the networks do. What making an
    item raises is raised here; where the caller stops early, so does the thread.

    Args:
        items: made in the thread, one after the other.
        depth: how many are made before they are asked for, 1 or more.
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
    """Raise an InputError for a number of processes below 1."""
    if jobs is not None and jobs < 1:
        raise InputError(f"jobs is {jobs}; expected 1 or more")


def run_jobs(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    finish: Callable[[Item, Callable[[], Result]], None],
    jobs: int | None = None,
) -> None:
    """Call ``finish(item, result)`` for each item as its work is done, in any order.

    ``result()`` gives what ``work(item)`` returned, or raises what it raised. Processes are
    spawned, not forked, so that a parent that has started TensorFlow is safe; an interrupt ends
    them at once.

    Args:
        work: sent to the processes: a module's function, or an instance of a module's class.
        items: likewise.
        finish: called in this process.
        jobs: how many processes; one for each processor by default. With one, or one item, the work
            is done in this process.

    Raises:
        InputError: when a process dies.
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
        futures = {executor.submit(_work, item): item for item in items}
        try:
            for future in as_completed(futures):
                finish(futures[future], future.result)
        except BrokenProcessPool as error:
            raise InputError(
                "a rendering process died, most likely out of memory; run again with fewer jobs: "
                "the tracks that are done stay"
            ) from error
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
            raise


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_current: Callable


def _start_worker(work: Callable) -> None:
    global _current
    _current = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops its workers itself


def _work(item: Any) -> Any:
    return _current(item)
