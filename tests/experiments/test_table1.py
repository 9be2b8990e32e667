import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.experiments.conftest import TINY, with_modern
from tests.reporting.pages import Outline
from tests.runs.tiny import SignalAt
from tfaudiogan.errors import InputError
from tfaudiogan.evaluation import scores as scoring
from tfaudiogan.evaluation.in_context import reconstruct
from tfaudiogan.experiments import table1, table1_scores
from tfaudiogan.experiments.table1 import run_table1
from tfaudiogan.experiments.table1_scores import IN_CONTEXT
from tfaudiogan.experiments.variants import Variant, parse_row
from tfaudiogan.inference.load import load_model
from tfaudiogan.reporting.tables import Scores
from tfaudiogan.runs import checkpoint as checkpoints
from tfaudiogan.runs import train as training
from tfaudiogan.runs.callbacks import Interrupted

pytestmark = pytest.mark.slow

LABELS = [
    "L_time",
    "L_time + 10 L_freq",
    "L_time + 0.1 L_ae",
    "L_time + 0.0001 L_adv",
    "L_time + 0.0001 L_adv, relative penalty",
    "Modern recipe",
]
NAMES = ["time", "frequency", "feature", "adversarial", "adversarial-relative", "modern"]
BASELINES = ["Linear equalizer", "Input as it is", "Silence", "Best constant gain"]
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


def test_every_row_is_listed_with_the_baselines(whole):
    _, scores = whole
    assert list(scores.tables) == ["windows", IN_CONTEXT, "tracks"]
    for table in scores.tables.values():
        assert [row.label for row in table.rows] == LABELS + BASELINES
        assert list(table.metrics) == ["snr", "lsd", "si_sdr", "multi_resolution_distance"]
    assert scores.windows.counted == scores.tables[IN_CONTEXT].counted <= 4


def test_the_two_ways_of_a_row_are_the_windows_alone_and_of_the_track(whole, corpus):
    out, scores = whole
    model = load_model(out / "runs/time/generator.keras")
    (pair,) = corpus.split("test")
    inputs, targets = corpus.read(pair)
    found = {"windows": [], IN_CONTEXT: []}
    whole_track = reconstruct(model, inputs, TINY.window)
    count = len(inputs) // TINY.window
    for number in np.linspace(0, count, 4, endpoint=False) + count / 8:
        place = slice(int(number) * TINY.window, (int(number) + 1) * TINY.window)
        alone = model(inputs[place][np.newaxis])[0]
        for way, generated in (("windows", alone), (IN_CONTEXT, whole_track[place])):
            error = np.float64(targets[place]) - generated
            power = np.square(np.float64(targets[place])).sum()
            found[way].append(10 * np.log10(power / np.square(error).sum()))
    for way, values in found.items():
        expected = scores.tables[way].row("L_time").values["snr"].mean
        assert np.mean(values) == pytest.approx(expected, abs=1e-3)


def test_the_folder_holds_runs_table_and_page(whole):
    out, scores = whole
    for name in NAMES:
        run = training.RunFolder(out / "runs" / name)
        assert training.read_progress(run.checkpoint)["step"] == 3
        assert run.generator.is_file()
    assert list(out.glob("runs/*/autoencoder.keras")) == [out / "runs/feature/autoencoder.keras"]
    content = json.loads((out / "table1.json").read_text())
    assert Scores.from_json(json.dumps(content["scores"])) == scores
    assert [row["label"] for row in content["rows"]] == LABELS
    assert [row["n_critic"] for row in content["rows"]] == [0, 0, 0, 1, 1, 0]
    assert content["missing"] == {}
    assert content["published"]["identity"]["snr"] == [-4.70, 3.23]
    for name in ("table1.md", "table1.txt"):
        text = (out / name).read_text()
        assert str(scores.windows.models[0].values["snr"]) in text
        assert "Critic updates" in text and "Precision" in text
    outline = Outline((out / "index.html").read_text(encoding="utf-8"))
    titles = [attributes.get("id") for attributes in outline.all("h2")]
    assert titles == ["result", "training", "listen", "how-it-was-made"]
    # Three excerpts, each as input, target and what six rows make of it.
    assert len(outline.all("audio")) == 3 * 8
    # Four metrics; learning curves, six terms, distance and penalty; three of an excerpt.
    assert len(outline.all("svg")) == 4 + 9 + 3 * 3
    assert "Where would more updates take each row?" in " ".join(outline.words)


def test_the_same_command_again_neither_trains_nor_scores(whole, corpus, presets, monkeypatch):
    out, scores = whole

    def never(*arguments, **options):
        raise AssertionError("trained or scored again")

    monkeypatch.setattr(training, "train", never)
    monkeypatch.setattr(training, "train_autoencoder", never)
    monkeypatch.setattr(table1_scores, "score_windows", never)
    monkeypatch.setattr(table1, "write_table1", lambda *arguments, **options: None)
    assert run_table1(corpus, out, **SIZES) == scores


@pytest.fixture
def calls(monkeypatch):
    """The windows asked for at each scoring; pages are not written."""
    monkeypatch.setattr(table1, "write_table1", lambda *arguments, **options: None)
    found = []
    monkeypatch.setattr(
        table1_scores,
        "score_windows",
        lambda *a, **o: found.append(o["limit"]) or scoring.score_windows(*a, **o),
    )
    return found


def test_other_windows_or_metrics_are_scored_anew(whole, corpus, presets, calls, monkeypatch):
    out, _ = whole
    kept = {path: path.read_text() for path in out.rglob("*.json")}
    assert len(run_table1(corpus, out, **SIZES | {"windows": 2}).windows.models) == 6
    assert calls == [2] * 7
    monkeypatch.setattr(table1_scores, "METRICS", ("snr",))
    found = run_table1(corpus, out, **SIZES | {"windows": 2, "only": ["time"]})
    assert calls == [2] * 9
    assert [row.label for row in found.windows.models] == ["L_time"]
    for path, text in kept.items():
        path.write_text(text)


def copied(whole, tmp_path, names) -> Path:
    """The experiment as it was when only these rows were there."""
    out = tmp_path / "experiment"
    shutil.copytree(whole[0], out)
    for name in NAMES:
        if name not in names:
            shutil.rmtree(out / "runs" / name)
    return out


def test_rows_are_made_one_at_a_time_and_the_rest_is_named(whole, corpus, presets, tmp_path):
    out = copied(whole, tmp_path, ["adversarial", "modern"])
    (out / "autoencoder.keras").unlink()
    found = run_table1(corpus, out, **SIZES, only=["frequency"])
    labels = [row.label for row in found.windows.models]
    assert labels == [LABELS[1], LABELS[3], LABELS[5]]
    assert not (out / "autoencoder.keras").exists()
    missing = json.loads((out / "table1.json").read_text())["missing"]
    assert missing == dict.fromkeys([LABELS[0], LABELS[2], LABELS[4]], "not begun")
    for name in ("index.html", "table1.md"):
        assert f"Missing: {LABELS[0]} (not begun)" in (out / name).read_text()


def test_more_steps_extend_the_rows(corpus, presets, tmp_path, calls):
    config = TINY.changed({"optimizer": {"schedule": "constant"}})
    sizes = SIZES | {"config": config, "only": ["time"]}
    run_table1(corpus, tmp_path, **sizes)
    run_table1(corpus, tmp_path, **sizes | {"steps": 5})
    assert training.read_progress(tmp_path / "runs/time/checkpoint.npz")["step"] == 5
    assert json.loads((tmp_path / "experiment.json").read_text())["steps"] == 5
    with pytest.raises(InputError, match="made with steps 5, not 3"):
        run_table1(corpus, tmp_path, **sizes)


def test_a_row_that_is_not_finished_is_missing(whole, corpus, presets, tmp_path, calls):
    out = copied(whole, tmp_path, ["time", "frequency", "feature"])
    (out / "runs/frequency/scores.json").unlink()
    seen = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table1, "write_table1", lambda *a, **options: seen.update(options))
        progress = training.read_progress
        patch.setattr(
            checkpoints,
            "read_progress",
            lambda path: progress(path) | ({"step": 1} if path.parent.name == "feature" else {}),
        )
        run_table1(corpus, out, **SIZES, only=["time"])
    assert calls == []
    assert seen["missing"][LABELS[1]] == "trained, but not scored over these windows"
    assert seen["missing"][LABELS[2]] == "1 of 3 updates"


def test_a_further_row_has_its_own_window_and_the_folder_remembers_it(
    whole, corpus, presets, tmp_path
):
    out = copied(whole, tmp_path, ["time"])
    weights = {"feature": 0.1}
    (tmp_path / "long.json").write_text(
        json.dumps({"label": "Longer windows", "window": 1024, "weights": weights})
    )
    rows = [parse_row(f"long={tmp_path / 'long.json'}:2", TINY)]
    found = run_table1(corpus, out, **SIZES, rows=rows, only=["long"])
    assert [row.label for row in found.windows.models] == ["L_time", "Longer windows"]
    assert training.read_progress(out / "runs/long/checkpoint.npz")["step"] == 2
    model = load_model(out / "runs/long/generator.keras")
    assert model.metadata.window == 1024
    # Its feature loss needs an autoencoder of its own window.
    assert (out / "runs/long/autoencoder.keras").is_file()
    one, other = (found.tables[over].row("Longer windows") for over in ("windows", IN_CONTEXT))
    assert one == other
    page = (out / "index.html").read_text()
    assert "Longer windows has windows of 1,024 samples" in page
    assert "window 1,024 in place of 512" in page
    assert f"--row long={out}/rows/long.json" in page

    again = run_table1(corpus, out, **SIZES, only=["time"])
    assert again == found
    with pytest.raises(InputError, match="was made with steps 2, not 1; give the same"):
        run_table1(corpus, out, **SIZES, rows=[dataclasses.replace(rows[0], steps=1)])


def test_a_row_starts_from_the_generator_of_another(whole, corpus, presets, tmp_path):
    out = copied(whole, tmp_path, ["time", "modern"])
    (tmp_path / "more.json").write_text(json.dumps({"label": "Further", "start": "time"}))
    rows = [parse_row(f"more={tmp_path / 'more.json'}:1", TINY)]
    untrained = [parse_row(f"more={tmp_path / 'more.json'}", TINY)]
    untrained = [dataclasses.replace(row, start="frequency") for row in untrained]
    with pytest.raises(InputError, match="starts from row frequency, which is not trained"):
        run_table1(corpus, out, **SIZES, rows=untrained, only=["more"])
    larger = TINY.changed({"generator": {"base_filters": 16}})
    with pytest.raises(InputError, match="row more cannot start from row time: it has"):
        wrong = [dataclasses.replace(rows[0], config=larger)]
        run_table1(corpus, out, **SIZES, rows=wrong, only=["more"])

    found = run_table1(corpus, out, **SIZES, rows=rows, only=["more"])
    assert [row.label for row in found.windows.models] == ["L_time", "Modern recipe", "Further"]
    start, given = out / "runs/time/generator.keras", out / "runs/more/start.keras"
    assert given.read_bytes() == start.read_bytes()
    assert "Further starts with the weights of L_time" in (out / "index.html").read_text()
    assert run_table1(corpus, out, **SIZES, only=["more"]) == found
    with pytest.raises(InputError, match='start "another row", not "new weights"'):
        fresh = [dataclasses.replace(rows[0], start=None)]
        run_table1(corpus, out, **SIZES, rows=fresh, only=["more"])


def test_a_folder_begun_before_there_were_further_rows_goes_on(whole, corpus, presets, tmp_path):
    """What ``experiment.json`` names has not changed."""
    content = json.loads((whole[0] / "experiment.json").read_text())
    assert list(content) == ["experiment", "corpus", "steps", "autoencoder_steps", "config"]
    assert "weights" not in content["config"]
    assert content["config"]["adversarial"] == dataclasses.asdict(TINY.adversarial)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 2}, "made with steps 3, not 2"),
        ({"steps": 5}, "runs/modern was made with steps 3, over which its learning rate"),
        ({"config": dataclasses.replace(TINY, window=1024)}, "config.window 512, not 1024"),
        ({"autoencoder_steps": 0}, "autoencoder steps is 0"),
        ({"steps": 0}, "steps is 0"),
        ({"only": ["tim"]}, "--only tim: there is no such row; choose of time, frequency"),
        ({"rows": [Variant("a", "L_time", TINY)]}, "label 'L_time' is taken"),
        ({"rows": [Variant("a", "silence", TINY)]}, "label 'silence' is taken"),
        ({"rows": [Variant("a", "A", TINY), Variant("a", "B", TINY)]}, "--row a is given twice"),
        (
            {"rows": [Variant("a", "A", dataclasses.replace(TINY, window=1 << 20))]},
            "as long as a window of 1048576|1048576",
        ),
    ],
)
def test_another_experiment_in_the_folder_is_refused(change, words, whole, corpus, presets):
    with pytest.raises(InputError, match=words):
        run_table1(corpus, whole[0], **SIZES | change)
