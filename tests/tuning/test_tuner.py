import json
import math
from dataclasses import replace
from types import SimpleNamespace

import keras
import pytest

from tests.runs.tiny import TINY
from tests.tuning.conftest import curve
from tfaudiogan.config import LossWeights
from tfaudiogan.errors import InputError
from tfaudiogan.runs.callbacks import Diverged
from tuning import tuner as tuners
from tuning.records import Record, read_records
from tuning.search import run_search
from tuning.settings import Settings

BASE = replace(TINY, weights=LossWeights())
TERMS = {"feature": False, "adversarial": False, "frequency": True}


class Landscape:
    """Replaces the models: the score of each point is known and increases with the steps."""

    def __init__(self, monkeypatch) -> None:
        self.fits = []
        self.trouble = {}
        monkeypatch.setattr("tuning.hypermodel.SearchModel.build", self.build)
        monkeypatch.setattr("tuning.hypermodel.SearchModel.fit", self.fit)
        monkeypatch.setattr("tuning.search._check_networks", lambda *_: None)
        monkeypatch.setattr("keras.backend.clear_session", lambda: None)

    def build(self, hp):
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd")
        model.optimizer.build(model.trainable_variables)
        return model

    def fit(self, hp, model, *, steps=None, deadline=None, callbacks=()):
        began = int(model.optimizer.iterations)
        self.fits.append((hp.values["lambda_f"], began, steps))
        trouble = self.trouble.pop(len(self.fits), None)
        if isinstance(trouble, BaseException):
            raise trouble
        model.optimizer.iterations.assign_add(steps)
        score = math.log(began + steps) - abs(math.log10(hp.values["lambda_f"]) - 1)
        if trouble is not None:
            score = trouble
        return SimpleNamespace(history={"val_snr": [score], "val_lsd": [1.0]})


@pytest.fixture
def reported(monkeypatch):
    """Like ``landscape``, but the report is written too."""
    return Landscape(monkeypatch)


@pytest.fixture
def landscape(reported, monkeypatch):
    monkeypatch.setattr("tuning.report.write_report", lambda *_, **__: None)
    return reported


def find(corpus, out, trials, settings, narrowing=TERMS, **options):
    return run_search(
        corpus, out, trials, base=BASE, narrowing=narrowing, settings=settings, **options
    )


@pytest.mark.parametrize(
    "tuner", ["random", pytest.param("bayesian", marks=pytest.mark.slow), "hyperband"]
)
def test_each_tuner_makes_its_trials_and_keeps_the_best(tuner, reported, corpus, tmp_path):
    settings = Settings(tuner=tuner, steps=9, early_stopping=False)
    records = find(corpus, tmp_path, 6, settings)
    assert [record.number for record in records] == list(range(6))
    scores = {r.number: r.best_round(settings)["score"] for r in records}
    best = records[max(scores, key=scores.get)]
    saved = json.loads((tmp_path / "best_config.json").read_text())
    assert saved["weights"]["frequency"] == best.values["lambda_f"]
    oracle = json.loads((tmp_path / "trials" / "oracle.json").read_text())
    assert oracle["ongoing_trials"] == {}


@pytest.mark.slow
def test_bayesian_search_learns_where_the_best_is(landscape, corpus, tmp_path):
    only = {**TERMS, "d_max": 0, "learning_rate": 1e-3}
    settings = Settings(tuner="bayesian", steps=1)
    records = find(corpus, tmp_path, 12, settings, only)
    off = [abs(math.log10(record.values["lambda_f"]) - 1) for record in records]
    assert min(off[4:]) < 0.1  # of a range of 3 decades
    assert sum(off[-4:]) < sum(off[:4])


def test_hyperband_continues_the_best_from_where_they_were(landscape, corpus, tmp_path):
    records = find(corpus, tmp_path, 10, Settings(tuner="hyperband", steps=9))
    first, second = records[:9], records[9]
    assert all(record.steps == 1 for record in first)
    best = max(first, key=lambda record: record.curve[-1]["score"])
    assert second.values == best.values
    assert second.curve[0] == best.curve[0]
    assert landscape.fits[9:] == [(best.values["lambda_f"], step, 1) for step in (1, 2)]


def test_a_diverged_trial_fails_with_its_reason_and_the_search_goes_on(landscape, corpus, tmp_path):
    settings = Settings(steps=1)
    landscape.trouble = {
        1: Diverged("loss is nan at step 1; lower --learning-rate"),
        2: float("nan"),
        3: MemoryError(),
        4: Diverged("loss is inf at step 1; lower --learning-rate"),
    }
    records = find(corpus, tmp_path, 6, settings)
    assert [record.status for record in records] == ["failed"] * 4 + ["completed"] * 2
    assert records[0].reason == "loss is nan at step 1"
    assert records[1].reason == "val_snr is not a number"
    assert "memory" in records[2].reason


def test_a_search_in_which_all_fail_still_ends_with_a_report(reported, corpus, tmp_path):
    reported.trouble = {n: Diverged("loss is nan at step 1") for n in (1, 2)}
    records = find(corpus, tmp_path, 2, Settings(steps=1))
    assert {record.status for record in records} == {"failed"}
    page = (tmp_path / "index.html").read_text()
    assert "All trials failed" in page
    assert "loss is nan at step 1" in page
    assert not (tmp_path / "best_config.json").exists()


def test_any_other_error_ends_the_search(landscape, corpus, tmp_path):
    landscape.trouble = {2: InputError("configuration: no")}
    with pytest.raises(InputError, match="configuration: no"):
        find(corpus, tmp_path, 3, Settings(steps=1))


@pytest.mark.parametrize(
    ("tuner", "at"), [("random", 1), ("random", 4), ("bayesian", 4), ("hyperband", 4)]
)
def test_an_interrupted_search_ends_like_an_uninterrupted_one(
    tuner, at, landscape, corpus, tmp_path
):
    settings = Settings(tuner=tuner, steps=3, early_stopping=False)
    trials = 2 if tuner == "bayesian" else 4
    narrowing = {**TERMS, "d_max": 0}
    whole = find(corpus, tmp_path / "whole", trials, settings, narrowing)
    landscape.fits.clear()
    landscape.trouble = {at: KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        find(corpus, tmp_path / "cut", trials, settings, narrowing)
    done = len(read_records(tmp_path / "cut"))
    assert done < trials
    resumed = find(corpus, tmp_path / "cut", trials, settings, narrowing)
    for ours, theirs in zip(resumed, whole, strict=True):
        assert (ours.values, ours.curve) == (theirs.values, theirs.curve)


def test_a_search_continues_after_a_kill_between_two_of_its_files(landscape, corpus, tmp_path):
    settings = Settings(steps=1)
    landscape.trouble = {2: KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        find(corpus, tmp_path, 3, settings)
    oracle = tmp_path / "trials" / "oracle.json"
    state = json.loads(oracle.read_text())
    assert state["ongoing_trials"] == {"tuner0": "1"}
    oracle.write_text(json.dumps({**state, "ongoing_trials": {}}))
    records = find(corpus, tmp_path, 3, settings)
    assert [record.status for record in records] == ["completed"] * 3


def test_a_trial_that_ended_before_the_kill_is_not_run_again(
    landscape, corpus, tmp_path, monkeypatch
):
    def killed(*_):
        raise KeyboardInterrupt

    settings = Settings(steps=1)
    with monkeypatch.context() as patch:
        patch.setattr("tuning.oracles.SearchOracle.end_trial", killed)
        with pytest.raises(KeyboardInterrupt):
            find(corpus, tmp_path, 2, settings)
    (before,) = read_records(tmp_path)
    after = find(corpus, tmp_path, 2, settings)
    assert after[0] == before
    assert len(landscape.fits) == 2


def test_a_finished_search_can_be_given_more_trials(landscape, corpus, tmp_path):
    settings = Settings(steps=1)
    before = find(corpus, tmp_path, 2, settings)
    fits = len(landscape.fits)
    after = find(corpus, tmp_path, 4, settings)
    assert [record.values for record in after[:2]] == [record.values for record in before]
    assert (len(after), len(landscape.fits)) == (4, fits + 2)


@pytest.mark.parametrize("tuner", ["random", "bayesian", "hyperband"])
def test_the_papers_values_come_first_with_the_whole_budget(tuner, landscape, corpus, tmp_path):
    narrowing = {**TERMS, "lambda_f": [20.0, 80.0]}
    settings = Settings(tuner=tuner, steps=3, early_stopping=False)
    records = find(corpus, tmp_path, 3, settings, narrowing, include_paper=True)
    paper = records[0]
    assert [record.origin for record in records] == ["paper"] + ["search"] * 2
    assert (paper.values["lambda_f"], paper.values["d_max"], paper.steps) == (10.0, 4, 3)
    assert paper.values["feature"] is False
    assert all(20 <= record.values["lambda_f"] <= 80 for record in records[1:])


@pytest.mark.parametrize(
    ("mine", "others", "hopeless"),
    [
        ((0.0, 0.1, 0.2), [(1.0, 1.1, 1.2)] * 3, True),
        ((0.0, 0.1, 0.2), [(1.0, 1.1, 1.2)] * 2, False),  # too few to tell
        ((0.0, 0.1), [(1.0, 1.1, 1.2)] * 3, False),  # too early to tell
        ((1.3, 0.1, 0.2), [(1.0, 1.1, 1.2)] * 3, False),  # its best counts
        ((1.0, 1.0, 1.0), [(0.5, 0.6, 0.7), (1.5, 1.6, 1.7), (0.0, 0.0, 0.1)], False),
        ((1.0, 1.0, 1.0), [(0.5, 0.5, 0.5, 9.9)] * 3, False),  # compared at the same place
        ((0.0,) * 9, [(1.0,) * 9] * 3, False),  # it is whole anyway
    ],
)
def test_a_trial_behind_the_median_is_hopeless(mine, others, hopeless, settings):
    record = Record(9, {}, curve=curve(*mine))
    jury = [Record(n, {}, curve=curve(*scores)) for n, scores in enumerate(others)]
    assert tuners.is_hopeless(record, jury, settings) is hopeless


def test_hopeless_trials_are_stopped_and_say_so(landscape, corpus, tmp_path):
    landscape.trouble = {n: -50.0 for n in range(28, 40)}  # from the fourth trial on
    records = find(corpus, tmp_path, 4, Settings(steps=9))
    assert [record.status for record in records] == ["completed"] * 3 + ["stopped"]
    assert (records[3].steps, records[3].reason) == (3, "behind the median of 3 trials at step 3")
