import os
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.crops.corpora import RATE, WINDOW, joined, take, write_corpus
from tests.graphs import dataset_operators
from tfaudiogan import crops
from tfaudiogan.corpus.manifest import Pair
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.writing import CorpusWriter
from tfaudiogan.errors import InputError

BACKENDS = ("tensorflow", "jax")
"""What ``keras.backend.backend()`` is made to say: the second takes the path without TensorFlow."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(params=BACKENDS)
def backend(request):
    with mock.patch.object(keras.backend, "backend", lambda: request.param):
        yield request.param


def splitmix64(seed, index):
    """Return the reference value, computed with Python integers."""
    mask = 2**64 - 1
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def expected_crops(corpus, split, indices, seed=0):
    places = [
        (pair, start)
        for pair in corpus.split(split)
        for start in range(pair.samples - WINDOW + 1)
        if any(begin <= start + WINDOW // 2 < end for begin, end in pair.sounding)
    ]
    chosen = [places[splitmix64(seed, index) % len(places)] for index in indices]
    return np.stack([corpus.read(pair, start, start + WINDOW) for pair, start in chosen])


def test_batches_have_their_shape_and_kind(corpus, backend):
    stream = crops.training(corpus, WINDOW, 6)
    grid = crops.grid(corpus, "validation", WINDOW, 4)
    kind = tf.data.Dataset if backend == "tensorflow" else keras.utils.PyDataset
    assert isinstance(stream, kind)
    assert isinstance(grid, kind)
    for side in (*take(stream, 1)[0], *take(grid, 1)[0]):
        assert side.shape in {(6, WINDOW, 1), (4, WINDOW, 1)}
        assert side.dtype == np.float32
    if backend == "tensorflow":
        assert stream.cardinality() == tf.data.INFINITE_CARDINALITY
        assert stream.element_spec[0].shape == (6, WINDOW, 1)
    else:
        assert stream.num_batches is None


@pytest.mark.parametrize("seed", [0, -3])
def test_training_reads_the_crops_of_the_reference_to_the_bit(corpus, backend, seed):
    # Scaling by 1/32768 is exact, so the gain rounds once, as in Corpus.read: no tolerance.
    got = joined(crops.training(corpus, WINDOW, 8, seed=seed), 6)
    np.testing.assert_array_equal(got, expected_crops(corpus, "train", range(48), seed))


def test_training_crops_another_split(corpus, backend):
    got = joined(crops.training(corpus, WINDOW, 8, split="validation"), 1)
    np.testing.assert_array_equal(got, expected_crops(corpus, "validation", range(8)))


@pytest.mark.parametrize("start", [5, 10**12])
def test_training_starts_at_any_crop(corpus, backend, start):
    got = joined(crops.training(corpus, WINDOW, 5, start=start), 2)
    np.testing.assert_array_equal(got, expected_crops(corpus, "train", range(start, start + 10)))


@pytest.mark.parametrize("start", [0, 4])
def test_shards_partition_the_stream(corpus, backend, start):
    shards = [
        joined(crops.training(corpus, WINDOW, 4, start=start, shards=3, shard=shard), 3)
        for shard in range(3)
    ]
    together = np.stack([shard.reshape(3, 4, *shard.shape[1:]) for shard in shards], axis=1)
    expected = expected_crops(corpus, "train", range(start, start + 36))
    np.testing.assert_array_equal(together.reshape(expected.shape), expected)


@pytest.mark.parametrize("batch", [4, 7, 1000])
def test_grid_covers_each_track_once(corpus, backend, batch):
    grid = crops.grid(corpus, "validation", WINDOW, batch)
    windows = joined(grid)
    e, _, g = corpus.split("validation")
    whole = [corpus.read(e, 0, 11 * WINDOW), corpus.read(g, 0, 3 * WINDOW)]
    expected = np.concatenate([w.reshape(2, -1, WINDOW).swapaxes(0, 1) for w in whole])
    np.testing.assert_array_equal(windows, expected)
    assert len(grid) == -(-14 // batch)
    assert [len(side) for side, _ in take(grid)] == [
        min(batch, 14 - i) for i in range(0, 14, batch)
    ]


def test_grid_advances_by_its_hop_and_can_be_read_again(corpus, backend):
    grid = crops.grid(corpus, "validation", WINDOW, 8, hop=100)
    starts = [(p, s) for p in corpus.split("validation") for s in range(0, p.samples - 511, 100)]
    expected = np.stack([corpus.read(p, s, s + WINDOW) for p, s in starts])
    np.testing.assert_array_equal(joined(grid), expected)
    np.testing.assert_array_equal(joined(grid), expected)


@pytest.mark.parametrize(("limit", "kept"), [(1, [7]), (4, [1, 5, 8, 12]), (99, range(14))])
def test_grid_limit_spreads_evenly(corpus, backend, limit, kept):
    everything = joined(crops.grid(corpus, "validation", WINDOW, 14))
    some = joined(crops.grid(corpus, "validation", WINDOW, 3, limit=limit))
    np.testing.assert_array_equal(some, everything[list(kept)])


def test_grid_size_is_rounded_down_to_a_multiple(corpus, backend):
    everything = joined(crops.grid(corpus, "validation", WINDOW, 14))
    some = crops.grid(corpus, "validation", WINDOW, 8, limit=13, multiple=4)
    assert [len(side) for side, _ in take(some)] == [8, 4]
    thinned = joined(crops.grid(corpus, "validation", WINDOW, 14, limit=12))
    np.testing.assert_array_equal(joined(some), thinned)
    assert len(thinned) < len(everything)


def test_grid_leaves_out_unaltered_tracks_and_training_does_not(tmp_path, backend):
    rng = np.random.default_rng(0)
    writer = CorpusWriter(tmp_path, "pairs", RATE)
    facts = {"source": "", "source_sha256": "0", "settings": {}}
    for name in ("altered", "same"):
        side = 0.1 * rng.standard_normal(4 * WINDOW)
        other = side if name == "same" else -side
        for split in ("train", "validation"):
            writer.record(writer.write_pair(side, other, name=name + split, split=split, **facts))
    made = Corpus.load(tmp_path)
    assert [pair.name for pair in made.unaltered("train")] == ["sametrain"]
    (inputs, targets), *rest = take(crops.grid(made, "validation", WINDOW, 8))
    assert not rest
    assert inputs.shape[0] == 4
    np.testing.assert_array_equal(targets, -inputs)
    ((inputs, targets),) = take(crops.training(made, WINDOW, 64), 1)
    assert 0 < np.all(inputs == targets, axis=(1, 2)).sum() < 64


def test_a_split_with_only_unaltered_tracks_is_evaluated(tmp_path):
    writer = CorpusWriter(tmp_path, "pairs", RATE)
    side = 0.1 * np.random.default_rng(0).standard_normal(2 * WINDOW)
    facts = {"source": "", "source_sha256": "0", "settings": {}}
    writer.record(writer.write_pair(side, side, name="a", split="test", **facts))
    made = Corpus.load(tmp_path)
    assert len(made.altered("test")) == 1
    assert made.unaltered("test") == ()


def test_grid_keeps_digital_silence(corpus, backend):
    silent = np.abs(joined(crops.grid(corpus, "validation", WINDOW, 14))).max(axis=(1, 2)) == 0
    assert silent.sum() == 6


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda c: crops.training(c, 0, 4), "window is 0"),
        (lambda c: crops.training(c, WINDOW, 0), "batch is 0"),
        (lambda c: crops.training(c, WINDOW, 4, start=-1), "start is -1"),
        (lambda c: crops.training(c, WINDOW, 4, shards=0), "shards is 0"),
        (lambda c: crops.training(c, WINDOW, 4, shards=2, shard=2), "shard is 2 of 2"),
        (lambda c: crops.training(c, WINDOW, 4, shard=-1), "shard is -1"),
        (lambda c: crops.grid(c, "validation", WINDOW, 4, multiple=99), "14 windows; expected 99"),
        (lambda c: crops.training(c, WINDOW, 4, split="tests"), "unknown split 'tests'"),
        (lambda c: crops.training(c, 10_000, 4), "4 tracks, the longest of 9000 samples.*10000"),
        (lambda c: crops.training(c, 8500, 4), "no crop of 8500 samples has its middle"),
        (lambda c: crops.grid(c, "test", WINDOW, 4), "1 tracks, the longest of 300 samples"),
        (lambda c: crops.grid(c, "validation", WINDOW, 0), "batch is 0"),
        (lambda c: crops.grid(c, "validation", WINDOW, 4, hop=0), "hop is 0"),
        (lambda c: crops.grid(c, "validation", WINDOW, 4, limit=0), "limit is 0"),
    ],
)
def test_bad_arguments_are_named(corpus, make, message):
    with pytest.raises(InputError, match=message) as raised:
        make(corpus)
    assert "\n" not in str(raised.value)


def test_a_float_is_refused_as_a_count(corpus):
    with pytest.raises(TypeError, match="float"):
        crops.training(corpus, WINDOW, 2.5)


def test_a_damaged_file_is_named_at_once(tmp_path, backend):
    corpus = write_corpus(tmp_path)
    path = tmp_path / "target" / "c.wav"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(InputError, match=r"c\.wav holds 4999 samples.*; expected 5000"):
        crops.training(corpus, WINDOW, 4)


def linear_model():
    model = keras.Sequential([keras.Input((WINDOW, 1)), keras.layers.Conv1D(1, 1, use_bias=False)])
    model.set_weights([np.full((1, 1, 1), 0.5, np.float32)])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    return model


def datasets(make):
    """Return the same crops as both kinds of data set."""
    for name in BACKENDS:
        with mock.patch.object(keras.backend, "backend", lambda name=name: name):
            yield make()


def test_fit_accepts_both_kinds_and_continues_from_epoch_to_epoch(corpus):
    weight = 0.5
    for inputs, targets in (
        expected_crops(corpus, "train", range(24)).reshape(6, 4, 2, -1).swapaxes(1, 2)
    ):
        weight -= 0.1 * np.mean(2.0 * (weight * inputs - targets) * inputs)
    for stream in datasets(lambda: crops.training(corpus, WINDOW, 4)):
        model = linear_model()
        model.fit(stream, steps_per_epoch=3, epochs=2, shuffle=False, verbose=0)
        # float32 sums over 2048 products, six times.
        np.testing.assert_allclose(model.get_weights()[0].item(), weight, rtol=1e-5)


def test_evaluate_accepts_both_kinds(corpus):
    inputs, targets = joined(crops.grid(corpus, "validation", WINDOW, 14)).swapaxes(0, 1)
    expected = np.mean((0.5 * inputs - targets) ** 2)
    for windows in datasets(lambda: crops.grid(corpus, "validation", WINDOW, 4)):
        loss = linear_model().evaluate(windows, verbose=0)
        np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_no_python_and_no_whole_file_in_the_graph(corpus):
    for dataset in (
        crops.training(corpus, WINDOW, 4),
        crops.grid(corpus, "validation", WINDOW, 4, limit=6),
    ):
        operators = dataset_operators(dataset)
        assert "TensorListGetItem" in operators
        assert not [name for name in operators if "PyFunc" in name]
        assert not operators & {"ReadFile", "ImmutableConst"}


def write_sparse_pair(folder, samples):
    """Write two sparse files that use no disk space and have three samples that are not silent."""
    size = 2 * samples
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16, b"data", size),
    )
    for side in ("input.wav", "target.wav"):
        with (folder / side).open("wb") as stream:
            stream.write(header)
            stream.truncate(44 + size)
            for place in (0, samples // 2, samples - 1):
                stream.seek(44 + 2 * place)
                stream.write(b"\x00\x40")
    return Pair(
        name="long",
        split="train",
        task="pairs",
        input="input.wav",
        target="target.wav",
        samples=samples,
        sample_rate=RATE,
        input_gain_db=0.0,
        target_gain_db=0.0,
        sounding=((0, samples),),
        source="long",
        source_sha256="0",
        settings={},
    )


def own_memory():
    """Return the memory of this process that is not backed by a file, in bytes."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("RssAnon:")[1].split()[0])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_long_files_are_not_loaded_into_memory(tmp_path, backend):
    samples = 500_000 * WINDOW  # 2 x 512 MB
    corpus = Corpus(tmp_path, (write_sparse_pair(tmp_path, samples),), "0")
    before = own_memory()
    tracemalloc.start()
    ends = joined(crops.grid(corpus, "train", WINDOW, 2, limit=500_000 // 2), 1)
    take(crops.training(corpus, WINDOW, 16), 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 1 MB is read from files of 1024 MB; the rest is TensorFlow's threads and functions.
    assert own_memory() - before < 100e6
    assert peak < 100e6
    assert ends.shape == (2, 2, WINDOW)


def test_the_last_window_of_a_long_file_is_the_right_one(tmp_path, backend):
    samples = 2**30 + 2**29  # byte offsets beyond 2**31
    corpus = Corpus(tmp_path, (write_sparse_pair(tmp_path, samples),), "0")
    first, middle, last = joined(
        crops.grid(corpus, "train", WINDOW, 3, hop=(samples - WINDOW) // 2)
    )
    assert first[0, 0] == 0.5
    assert middle[0, WINDOW // 2] == 0.5
    assert last[0, -1] == 0.5
    assert [np.count_nonzero(window) for window in (first, middle, last)] == [2, 2, 2]


def test_more_files_than_may_be_open_at_once(tmp_path):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowered = 20 + max(int(entry.name) for entry in Path("/dev/fd").iterdir())
    corpus = Corpus(tmp_path, (write_sparse_pair(tmp_path, WINDOW),) * lowered, "0")
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowered, hard))
    try:
        assert joined(crops.grid(corpus, "train", WINDOW, 100)).shape == (lowered, 2, WINDOW)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_jax_trains_without_tensorflow(corpus):
    pytest.importorskip("jax")
    program = f"""
import sys
sys.modules["tensorflow"] = None
import keras
import numpy as np
from tfaudiogan import crops
from tfaudiogan.corpus.reading import Corpus

corpus = Corpus.load({str(corpus.folder)!r})
stream = crops.training(corpus, {WINDOW}, 4)
model = keras.Sequential([keras.Input(({WINDOW}, 1)), keras.layers.Conv1D(1, 1, use_bias=False)])
model.set_weights([np.full((1, 1, 1), 0.5, np.float32)])
model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
model.fit(stream, steps_per_epoch=3, epochs=2, verbose=0)
model.evaluate(crops.grid(corpus, "validation", {WINDOW}, 4), verbose=0)
print(model.get_weights()[0].item())
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    model = linear_model()
    model.fit(crops.training(corpus, WINDOW, 4), steps_per_epoch=6, shuffle=False, verbose=0)
    # float32 sums over 2048 products, six times, in another order.
    np.testing.assert_allclose(float(done.stdout), model.get_weights()[0].item(), rtol=1e-5)
