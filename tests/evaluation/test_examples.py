import numpy as np
import pytest

from tests.evaluation.conftest import RATE, WINDOW, tone, write_track
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.writing import CorpusWriter
from tfaudiogan.evaluation.examples import make_examples
from tfaudiogan.evaluation.scores import reconstruct


def smooth(x: np.ndarray) -> np.ndarray:
    """Smooth a window, so that the output depends on where the window begins and ends."""
    return np.float32(0.5) * (x + np.roll(x, 3, axis=1)) * np.linspace(0, 1, x.shape[1])


def test_an_example_is_a_part_of_the_whole_enhanced_track(duo):
    for example in make_examples(smooth, duo, "test", 6, 0.3, WINDOW, seed=5):
        (pair,) = (p for p in duo.pairs if p.name == example.track)
        start = round(example.start_seconds * RATE)
        part = slice(start, start + round(0.3 * RATE))
        x, y = duo.read(pair)
        whole = {"input": x, "target": y, "generated": reconstruct(smooth, x, WINDOW)}
        for name, audio in whole.items():
            np.testing.assert_allclose(example.signals[name], audio[part], atol=1e-6)


def test_examples_come_from_different_tracks_and_depend_on_the_seed(duo):
    first, again, other = (
        make_examples(smooth, duo, "test", 2, 0.1, WINDOW, seed=seed) for seed in (3, 3, 4)
    )
    assert {example.track for example in first} == {"a", "b"}
    places = [[(e.track, e.start_seconds) for e in examples] for examples in (first, again, other)]
    assert places[0] == places[1] != places[2]


def test_excerpts_begin_where_the_pair_sounds(tmp_path):
    writer = CorpusWriter(tmp_path, task="pairs", sample_rate=RATE)
    audio = np.zeros(10 * RATE)
    audio[3 * RATE : 4 * RATE] = tone(RATE, 440, 1)
    write_track(writer, "one", audio, audio)
    examples = make_examples(smooth, Corpus.load(tmp_path), "test", 8, 0.5, WINDOW)
    # Sounding ranges are multiples of a block of 1024 samples.
    assert all(3 - 1024 / RATE <= example.start_seconds < 4.13 for example in examples)


def test_short_tracks_come_whole_and_models_by_name(duo):
    models = {"time": smooth, "frequency": np.negative}
    for example in make_examples(models, duo, "test", 2, 60, WINDOW):
        (pair,) = (p for p in duo.pairs if p.name == example.track)
        assert list(example.signals) == ["input", "target", "time", "frequency"]
        assert {len(audio) for audio in example.signals.values()} == {pair.samples}
        turned = -example.signals["input"]
        assert example.signals["frequency"] == pytest.approx(turned, abs=1e-6)
