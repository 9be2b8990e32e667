import numpy as np
import pytest

from tests.evaluation.conftest import RATE, WINDOW, tone, write_track
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.writing import CorpusWriter
from tfaudiogan.errors import InputError
from tfaudiogan.evaluation import perceptual, run_report
from tfaudiogan.inference.load import load_model
from tfaudiogan.reporting.tables import Scores


@pytest.fixture
def phone_corpus(tmp_path):
    """One training track and two test tracks, whose inputs have added noise."""
    writer = CorpusWriter(tmp_path / "corpus", task="phone", sample_rate=RATE)
    for seed, split in enumerate(("train", "test", "test")):
        target = tone(4 * RATE, 400 + 90 * seed, seed)
        heard = target + np.random.default_rng(seed).normal(0, 0.05, len(target))
        write_track(writer, str(seed), heard, target, split)
    return Corpus.load(tmp_path / "corpus")


def identity():
    return load_model(lambda windows: windows, sample_rate=RATE)


def test_more_noise_is_further_away():
    pytest.importorskip("zimtohrli")
    target = tone(2 * RATE, 440, 0).astype(np.float32)
    noise = np.random.default_rng(1).standard_normal(len(target)).astype(np.float32)
    near, far = (
        perceptual.perceptual_distance(target + gain * noise, target, RATE)
        for gain in np.float32([0.003, 0.1])
    )
    assert perceptual.perceptual_distance(target, target, RATE) == pytest.approx(0.0, abs=1e-6)
    assert 0.0 < near < far
    heard = np.stack([target, target + np.float32(0.1) * noise])
    best, worse = perceptual.opinion_score(heard, np.stack([target, target]), RATE)
    assert 5.0 >= best > worse >= 1.0


def test_tracks_of_recordings_get_a_perceptual_score_and_its_gain(phone_corpus):
    pytest.importorskip("zimtohrli")
    scores = run_report.score_model(identity(), phone_corpus)
    tracks = scores.tables["tracks"]
    assert "perceptual" not in scores.windows.metrics
    # Windows that are faded into one another round differently than the recording.
    assert tracks.row("model").improvements["perceptual"].mean == pytest.approx(0.0, abs=1e-4)
    assert tracks.row("silence").improvements["perceptual"].worse == 1.0
    assert tracks.metrics["perceptual"].higher_is_better
    assert Scores.from_json(scores.to_json()) == scores


def test_a_missing_extra_is_named(phone_corpus, monkeypatch, capsys):
    monkeypatch.setattr(run_report, "is_available", lambda: False)
    scores = run_report.score_model(identity(), phone_corpus)
    assert "perceptual" not in scores.tables["tracks"].metrics
    assert "tfaudiogan[perceptual]" in capsys.readouterr().err
    monkeypatch.setattr("tfaudiogan.extras.find_spec", lambda name: None)
    perceptual._metric.cache_clear()
    with pytest.raises(InputError, match=r"tfaudiogan\[perceptual\]"):
        perceptual.perceptual_distance(np.zeros(WINDOW), np.zeros(WINDOW), RATE)
