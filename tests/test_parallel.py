import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tfaudiogan.errors import InputError
from tfaudiogan.parallel import ahead, check_jobs, run_jobs


def square(number):
    if number < 0:
        raise InputError(f"{number} is below 0")
    return number**2, os.getpid()


def die(number):
    os._exit(1)


def collect(items, jobs):
    results, errors = {}, {}

    def finish(item, result):
        try:
            results[item] = result()
        except InputError as error:
            errors[item] = str(error)

    run_jobs(square, items, finish, jobs)
    return results, errors


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_result_and_error_comes_with_its_item(jobs):
    results, errors = collect([3, -1, 5, 0], jobs)
    assert {item: value for item, (value, _) in results.items()} == {3: 9, 5: 25, 0: 0}
    assert errors == {-1: "-1 is below 0"}
    elsewhere = {process != os.getpid() for _, process in results.values()}
    assert elsewhere == {jobs > 1}


def test_one_item_needs_no_process():
    results, _ = collect([4], jobs=8)
    assert results == {4: (16, os.getpid())}


def test_nothing_to_do():
    assert collect([], jobs=2) == ({}, {})


def test_a_process_that_dies_is_reported():
    with pytest.raises(InputError, match="process died"):
        run_jobs(die, [1, 2], lambda item, result: result(), jobs=2)


@pytest.mark.parametrize("jobs", [0, -1])
def test_a_bad_number_of_jobs_is_named(jobs):
    with pytest.raises(InputError, match=f"jobs is {jobs}"):
        check_jobs(jobs)


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 10])
def test_items_made_ahead_come_in_order(count, depth):
    assert list(ahead(iter(range(count)), depth)) == list(range(count))


@pytest.mark.parametrize("depth", [1, 3])
def test_items_are_made_ahead_by_another_thread(depth):
    made = []
    waiting = threading.Semaphore(0)

    def make():
        for number in range(10):
            made.append(threading.current_thread())
            waiting.release()
            yield number

    items = ahead(make(), depth)
    next(items)
    for _ in range(depth + 1):
        assert waiting.acquire(timeout=10)
    assert len(made) == depth + 1
    assert threading.current_thread() not in made
    items.close()
    made[0].join(timeout=10)
    assert not made[0].is_alive()


def test_an_error_ahead_comes_at_its_place():
    def make():
        yield 1
        raise InputError("no more")

    items = ahead(make(), 3)
    assert next(items) == 1
    with pytest.raises(InputError, match="no more"):
        next(items)


INTERRUPTED = """
import signal
import sys
import time
from tfaudiogan.parallel import run_jobs

def work(item):
    time.sleep(0.01)

def finish(item, result):
    result()
    print(item, flush=True)

if __name__ == "__main__":
    # A shell starts background jobs with interrupts ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run_jobs(work, range(1000), finish, jobs=4)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_an_interrupt_while_workers_start_prints_no_traceback(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, script],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (130, b"")
