import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tfaudiogan.corpus.manifest import Pair
from tfaudiogan.crops.starts import Starts, grid_starts, sounding_starts, splitmix64, spread


def pair(samples, *sounding):
    return Pair(
        name="piece",
        split="train",
        task="instrument",
        input="input/piece.wav",
        target="target/piece.wav",
        samples=samples,
        sample_rate=8000,
        input_gain_db=0.0,
        target_gain_db=0.0,
        sounding=sounding,
        source="piece.mid",
        source_sha256="0",
        settings={},
    )


def places(starts):
    return list(zip(*map(np.ndarray.tolist, starts.locate(np.arange(len(starts)))), strict=True))


@pytest.mark.parametrize(
    ("pairs", "window"),
    [
        pytest.param([pair(100, (0, 100))], 20, id="sounds throughout"),
        pytest.param([pair(100, (0, 30), (50, 60), (90, 100))], 20, id="gaps and both ends"),
        pytest.param([pair(100, (0, 5), (96, 100))], 20, id="sounds only where no middle can be"),
        pytest.param([pair(20, (0, 20))], 20, id="track of one window"),
        pytest.param([pair(19, (0, 19)), pair(40, (10, 40))], 20, id="one track too short"),
        pytest.param([pair(64, (3, 9)), pair(31), pair(77, (0, 70), (71, 77))], 7, id="odd window"),
        pytest.param([pair(8, (0, 8))], 1, id="window of one sample"),
    ],
)
def test_sounding_starts_are_exactly_those_with_the_middle_in_sound(pairs, window):
    expected = [
        (track, start)
        for track, entry in enumerate(pairs)
        for start in range(entry.samples - window + 1)
        if any(begin <= start + window // 2 < end for begin, end in entry.sounding)
    ]
    assert places(sounding_starts(pairs, window)) == expected


@pytest.mark.parametrize("hop", [1, 3, 20, 33])
def test_grid_starts_are_every_hop_that_fits(hop):
    pairs = [pair(100), pair(19), pair(20), pair(79)]
    expected = [
        (track, start)
        for track, entry in enumerate(pairs)
        for start in range(0, entry.samples - 20 + 1, hop)
    ]
    assert places(grid_starts(pairs, 20, hop)) == expected


def test_no_ranges_give_no_starts():
    assert len(Starts.of_ranges([])) == 0
    assert len(Starts.of_ranges([(0, 5, 0), (1, 5, -3)])) == 0


def test_splitmix64_gives_the_published_numbers():
    # The first outputs for seed 1234567 of the public-domain C code at prng.di.unimi.it.
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert splitmix64(1234567, np.arange(5, dtype=np.uint64)).tolist() == expected


@pytest.mark.parametrize("seed", [0, 1, -1, 2**63, 2**70 + 3])
def test_splitmix64_is_the_same_in_tensorflow(seed):
    index = np.array([0, 1, 2, 10**9, 2**62, 2**64 - 1], np.uint64)
    numpy_numbers = splitmix64(seed, index)
    graph = tf.function(lambda i: splitmix64(seed, i, tf.bitwise.right_shift))
    np.testing.assert_array_equal(graph(tf.constant(index)).numpy(), numpy_numbers)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_numbers_are_uniform_over_all_starts(seed):
    total, bins = 1234, 61
    numbers = splitmix64(seed, np.arange(50_000, dtype=np.uint64)) % np.uint64(total)
    edges = np.linspace(0, total, bins + 1)
    counts, _ = np.histogram(numbers, edges)
    widths = np.diff(np.ceil(edges))
    # The seeds are fixed. The bound is far below the observed p-values and above a biased draw's.
    assert scipy.stats.chisquare(counts, widths / total * len(numbers)).pvalue > 1e-3


def test_seeds_draw_differently():
    index = np.arange(1000, dtype=np.uint64)
    first, second = (splitmix64(seed, index) / 2.0**64 for seed in (0, 1))
    # Independent draws correlate by about 1 / sqrt(1000).
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1


@pytest.mark.parametrize(
    ("count", "total", "expected"),
    [
        (3, 12, [2, 6, 10]),
        (1, 9, [4]),
        (5, 5, [0, 1, 2, 3, 4]),
        (4, 10, [1, 3, 6, 8]),
    ],
)
def test_spread_takes_the_middle_of_equal_shares(count, total, expected):
    assert spread(np.arange(count), count, total).tolist() == expected
