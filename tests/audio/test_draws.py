import numpy as np
import pytest

from tfaudiogan.audio.draws import log_uniform, named_generator, seed, uniform


def test_the_numbers_of_a_name_do_not_depend_on_earlier_draws():
    first = named_generator(3, "a/b").random(4)
    named_generator(3, "other").random(100)
    np.testing.assert_array_equal(named_generator(3, "a/b").random(4), first)


@pytest.mark.parametrize(("number", "name"), [(4, "a/b"), (3, "a/c")])
def test_another_seed_or_name_gives_other_numbers(number, name):
    assert not np.array_equal(
        named_generator(number, name).random(4), named_generator(3, "a/b").random(4)
    )


def test_every_octave_is_equally_likely():
    rng = np.random.default_rng(0)
    drawn = np.array([log_uniform(rng, (100.0, 1600.0)) for _ in range(4000)])
    counts, _ = np.histogram(np.log2(drawn / 100.0), bins=4, range=(0, 4))
    assert counts.sum() == 4000
    # Binomial with mean 1000 and deviation 27; five deviations.
    assert np.abs(counts - 1000).max() < 137


def test_numbers_are_plain_rounded_and_in_range():
    rng = np.random.default_rng(0)
    drawn = [uniform(rng, (-2.0, 5.0), digits=2) for _ in range(200)]
    assert all(type(x) is float and -2 <= x <= 5 and round(x, 2) == x for x in drawn)
    assert type(seed(rng)) is int
