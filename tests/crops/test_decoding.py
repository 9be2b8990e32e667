"""Test corpora of other formats than WAV, decoded by libsndfile and by tensorflow-io."""

from dataclasses import replace
from unittest import mock

import keras
import numpy as np
import pytest
import soundfile
import soxr
import tensorflow as tf

from tests.crops.corpora import WINDOW, joined, write_corpus
from tests.graphs import dataset_operators
from tfaudiogan import crops
from tfaudiogan.audio.files import read_audio
from tfaudiogan.corpus.convert import convert_corpus
from tfaudiogan.corpus.decoding import read_range
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.writing import CorpusWriter
from tfaudiogan.crops import tf_decoding
from tfaudiogan.crops.tracks import Tracks
from tfaudiogan.errors import InputError
from tfaudiogan.extras import missing

HAS_TFIO = not missing("tensorflow_io") and tf.__version__.startswith("2.16.")
READERS = (
    "NumPy",
    "libsndfile",
    pytest.param(
        "tfio",
        marks=pytest.mark.skipif(
            not HAS_TFIO, reason="needs tensorflow-io and TensorFlow 2.16: the extra tfio"
        ),
    ),
)
LOSSLESS = ("wav", "flac")
LOSSY = ("ogg", "mp3")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def converted(corpus, tmp_path_factory):
    """The corpus in each format."""
    folder = tmp_path_factory.mktemp("converted")
    return {name: convert_corpus(corpus, folder / name, name, jobs=1) for name in LOSSLESS + LOSSY}


@pytest.fixture(params=READERS)
def reader(request):
    name = "jax" if request.param == "NumPy" else "tensorflow"
    tfio = request.param == "tfio"
    with mock.patch.object(keras.backend, "backend", lambda: name):
        if tfio:
            yield request.param
        else:
            with mock.patch.object(tf_decoding, "uses_tfio", lambda tracks: False):
                yield request.param


@pytest.mark.parametrize("format", LOSSLESS)
def test_lossless_formats_give_the_same_crops_to_the_bit(corpus, converted, reader, format):
    made = converted[format]
    assert all(pair.input.endswith(f".{format}") for pair in made.pairs)
    for make in (
        lambda c: crops.training(c, WINDOW, 8, seed=3, start=5),
        lambda c: crops.grid(c, "validation", WINDOW, 4, hop=100),
    ):
        count = 5
        np.testing.assert_array_equal(joined(make(made), count), joined(make(corpus), count))


@pytest.mark.parametrize("format", LOSSY)
def test_lossy_formats_give_the_samples_of_the_decoded_file(converted, reader, format):
    made = converted[format]
    grid = joined(crops.grid(made, "validation", WINDOW, 14))
    expected = []
    for pair in made.altered("validation"):
        sides = []
        for path, gain_db in ((pair.input, pair.input_gain_db), (pair.target, pair.target_gain_db)):
            audio, _ = soundfile.read(made.folder / path, dtype="float32")
            sides.append(audio * 10 ** (gain_db / 20))
        for start in range(0, pair.samples - WINDOW + 1, WINDOW):
            expected.append([side[start : start + WINDOW] for side in sides])
    # The decoders work in float32 with peaks up to 1; the measured difference is 4e-7.
    np.testing.assert_allclose(grid, expected, atol=2e-6)


@pytest.mark.parametrize("format", [*LOSSLESS, *LOSSY])
def test_crops_are_those_of_reading_the_whole_track(converted, reader, format):
    made = converted[format]
    pair = made.split("train")[0]
    only = replace(made, pairs=(replace(pair, sounding=((0, pair.samples),)),))
    got = joined(crops.grid(only, "train", WINDOW, 50, hop=211))
    whole = made.read(pair)
    expected = [whole[:, s : s + WINDOW] for s in range(0, pair.samples - WINDOW + 1, 211)]
    np.testing.assert_allclose(got, expected, atol=2e-6)


@pytest.mark.parametrize("rate", [16000, 11025, 6000])
def test_other_rates_are_resampled(corpus, reader, tmp_path, rate):
    pair = corpus.split("train")[0]
    samples = -(-pair.samples * rate // 8000)
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, samples)).astype(np.float32)
    expected = []
    for side, audio in zip(("input", "target"), noise, strict=True):
        soundfile.write(tmp_path / f"{side}.flac", audio, rate, "PCM_16")
        stored, _ = soundfile.read(tmp_path / f"{side}.flac", dtype="float32")
        expected.append(soxr.resample(stored, rate, 8000, quality="VHQ"))
    made = replace(
        pair,
        input="input.flac",
        target="target.flac",
        samples=-(-samples * 8000 // rate),
        input_gain_db=0.0,
        target_gain_db=0.0,
    )
    made = Corpus(tmp_path, (made,), "0")
    grid = joined(crops.grid(made, "train", WINDOW, 4, hop=333), 3)
    windows = [np.stack(expected)[:, s : s + WINDOW] for s in range(0, 12 * 333, 333)]
    # The same resampler rounds differently when it processes blocks.
    np.testing.assert_allclose(grid, windows, atol=1e-6)
    assert made.read(made.pairs[0]).shape == (2, made.pairs[0].samples)


@pytest.mark.parametrize(
    ("reader", "expected", "absent"),
    [
        ("libsndfile", "PyFunc", "IO>AudioReadableRead"),
        pytest.param("tfio", "IO>AudioReadableRead", "PyFunc", marks=READERS[2].marks),
    ],
    indirect=["reader"],
)
def test_decoding_runs_in_the_graph(converted, reader, expected, absent):
    dataset = crops.training(converted["flac"], WINDOW, 4)
    assert dataset.element_spec[0].shape == (4, WINDOW, 1)
    assert expected in dataset_operators(dataset)
    assert absent not in dataset_operators(dataset)


@pytest.mark.skipif(not HAS_TFIO, reason="needs the extra tfio")
@pytest.mark.parametrize(
    ("subtype", "rate", "taken"),
    [("PCM_16", 8000, True), ("PCM_24", 8000, False), ("PCM_16", 16000, False)],
)
def test_tfio_is_used_for_the_files_it_decodes_correctly(tmp_path, corpus, subtype, rate, taken):
    pair = replace(corpus.split("train")[0], input="a.flac", target="a.flac", samples=1000)
    soundfile.write(tmp_path / "a.flac", np.zeros(1000 * rate // 8000), rate, subtype)
    tracks = Tracks.of_pairs(Corpus(tmp_path, (pair,), "0"), (pair,))
    assert tf_decoding.uses_tfio(tracks) == taken


def test_a_damaged_file_is_named(converted, tmp_path, corpus):
    source = converted["flac"].folder / converted["flac"].split("train")[0].input
    path = tmp_path / "cut.flac"
    path.write_bytes(source.read_bytes()[:9000])
    with pytest.raises(InputError, match=r"cut\.flac") as raised:
        read_range(path, 8000, 8500, 8000)
    assert "\n" not in str(raised.value)


def test_a_converted_corpus_is_continued(corpus, converted):
    made = converted["flac"]
    writer = CorpusWriter(made.folder, made.task, made.sample_rate)
    for pair in made.pairs:
        assert writer.done(pair.name, pair.split, pair.source_sha256, pair.settings)
    before = {path: path.stat().st_mtime_ns for path in made.folder.rglob("*.flac")}
    (made.folder / made.pairs[0].input).write_bytes(b"cut")
    again = convert_corpus(corpus, made.folder, "flac", jobs=1)
    after = {path: path.stat().st_mtime_ns for path in made.folder.rglob("*.flac")}
    assert [path.name for path in after if after[path] != before[path]] == [
        made.pairs[0].input.removeprefix("input/")
    ]
    assert again == made


def test_a_corpus_that_was_made_anew_is_converted_anew(tmp_path):
    def make(level):
        writer = CorpusWriter(tmp_path / "corpus", task="instrument", sample_rate=8000)
        audio = (level * np.sin(np.arange(8000))).astype("f4")
        origin = {"source": "a.mid", "source_sha256": "0", "settings": {"level": level}}
        writer.record(writer.write_pair(audio, audio, name="a", split="train", **origin))
        writer.save()
        return Corpus.load(tmp_path / "corpus")

    for level in (0.1, 0.5):
        made = convert_corpus(make(level), tmp_path / "flac", "flac", jobs=1)
        audio, _ = read_audio(made.folder / made.pairs[0].input)
        assert np.abs(audio).max() == pytest.approx(level, rel=1e-2)


@pytest.mark.parametrize(
    ("out", "format", "message"),
    [
        (".", "flac", "is the folder of the corpus itself"),
        ("new", "aac", "unknown format 'aac'; choose"),
    ],
)
def test_bad_conversions_are_refused(corpus, out, format, message):
    with pytest.raises(InputError, match=message) as raised:
        convert_corpus(corpus, corpus.folder / out, format)
    assert "\n" not in str(raised.value)
