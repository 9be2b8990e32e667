import os

import pytest

from tfaudiogan.errors import InputError
from tfaudiogan.parallel import check_jobs, run_jobs


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


def test_a_process_that_dies_is_said_to_have_died():
    with pytest.raises(InputError, match="process died"):
        run_jobs(die, [1, 2], lambda item, result: result(), jobs=2)


@pytest.mark.parametrize("jobs", [0, -1])
def test_a_bad_number_of_jobs_is_named(jobs):
    with pytest.raises(InputError, match=f"jobs is {jobs}"):
        check_jobs(jobs)
