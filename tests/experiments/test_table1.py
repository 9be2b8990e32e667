import dataclasses
import json

import pytest

from tests.experiments.conftest import TINY, with_modern
from tests.reporting.pages import Outline
from tests.runs.tiny import SignalAt
from tfaudiogan.errors import InputError
from tfaudiogan.evaluation import scores as scoring
from tfaudiogan.experiments import table1
from tfaudiogan.experiments.table1 import run_table1
from tfaudiogan.reporting.tables import Scores
from tfaudiogan.runs import train as training
from tfaudiogan.runs.callbacks import Interrupted

pytestmark = pytest.mark.slow

LABELS = [
    "L_time",
    "L_time + 10 L_freq",
    "L_time + 0.1 L_ae",
    "L_time + 0.0001 L_adv",
    "Modern recipe",
]
BASELINES = ["Input as it is", "Silence", "Best constant gain"]
SIZES = {"config": TINY, "steps": 3, "autoencoder_steps": 2, "windows": 4, "seconds": 0.5}


@pytest.fixture(scope="module")
def presets():
    with pytest.MonkeyPatch.context() as patch:
        yield with_modern(patch)


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory, presets):
    """An experiment that was interrupted in its second row and then continued."""
    out = tmp_path_factory.mktemp("table1")
    with pytest.MonkeyPatch.context() as patch:

        def interrupted(config, corpus, run, **options):
            return train(config, corpus, run, **options, callbacks=[SignalAt(1)])

        train = training.train
        patch.setattr(
            training,
            "train",
            lambda config, *arguments, **options: (
                interrupted if config.weights.frequency else train
            )(config, *arguments, **options),
        )
        with pytest.raises(Interrupted, match=r"step 1 of L_time \+ 10 L_freq; the same command"):
            run_table1(corpus, out, **SIZES)
    return out, run_table1(corpus, out, **SIZES)


def test_every_row_stands_beside_the_baselines(whole):
    _, scores = whole
    assert [row.label for row in scores.windows.rows] == LABELS + BASELINES
    assert list(scores.windows.metrics) == ["snr", "lsd", "multi_resolution_distance"]
    assert scores.windows.counted <= 4


def test_the_folder_holds_runs_table_and_page(whole):
    out, scores = whole
    for name in ("time", "frequency", "feature", "adversarial", "modern"):
        run = training.RunFolder(out / "runs" / name)
        assert training.read_progress(run.checkpoint)["step"] == 3
        assert run.generator.is_file()
    assert list(out.glob("runs/*/autoencoder.keras")) == [out / "runs/feature/autoencoder.keras"]
    content = json.loads((out / "table1.json").read_text())
    assert Scores.from_json(json.dumps(content["scores"])) == scores
    assert [row["label"] for row in content["rows"]] == LABELS
    assert content["published"]["identity"]["snr"] == [-4.70, 3.23]
    assert str(scores.windows.models[0].values["snr"]) in (out / "table1.md").read_text()
    outline = Outline((out / "index.html").read_text(encoding="utf-8"))
    titles = [attributes.get("id") for attributes in outline.all("h2")]
    assert titles == ["result", "training", "listen", "how-it-was-made"]
    # Three excerpts, each as input, target and what five rows make of it.
    assert len(outline.all("audio")) == 3 * 7
    # Three metrics; SNR, LSD, six terms, distance and penalty over updates; three of an excerpt.
    assert len(outline.all("svg")) == 3 + 10 + 3 * 3


def test_the_same_command_again_neither_trains_nor_scores(whole, corpus, presets, monkeypatch):
    out, scores = whole

    def never(*arguments, **options):
        raise AssertionError("trained or scored again")

    monkeypatch.setattr(training, "train", never)
    monkeypatch.setattr(training, "train_autoencoder", never)
    monkeypatch.setattr(table1, "score", never)
    monkeypatch.setattr(table1, "write_table1", lambda *arguments, **options: None)
    assert run_table1(corpus, out, **SIZES) == scores


def test_other_windows_are_scored_anew_without_training(whole, corpus, presets, monkeypatch):
    out, _ = whole
    monkeypatch.setattr(table1, "write_table1", lambda *arguments, **options: None)
    calls = []
    monkeypatch.setattr(
        table1, "score", lambda *a, **o: calls.append(o["limit"]) or scoring.score(*a, **o)
    )
    kept = {path: path.read_text() for path in out.glob("runs/*/scores.json")}
    run_table1(corpus, out, **SIZES | {"windows": 2})
    assert calls == [2] * 5
    for path, text in kept.items():
        path.write_text(text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 5}, "made with steps 3, not 5"),
        ({"config": dataclasses.replace(TINY, window=1024)}, "config.window 512, not 1024"),
        ({"autoencoder_steps": 0}, "autoencoder steps is 0"),
        ({"steps": 0}, "steps is 0"),
    ],
)
def test_another_experiment_in_the_folder_is_refused(change, words, whole, corpus, presets):
    with pytest.raises(InputError, match=words):
        run_table1(corpus, whole[0], **SIZES | change)
