"""Keras Tuner's three oracles, made to survive a kill and to begin with given points."""

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path

from tfaudiogan.storage import write_text
from tuning.settings import Settings
from tuning.space import Space

with contextlib.redirect_stdout(io.StringIO()):
    import keras_tuner as keras_tuner
    from keras_tuner import oracles

PAPER = "paper"


class SearchOracle(keras_tuner.Oracle):
    """What the search adds to an oracle of Keras Tuner.

    State files are whole or not there. A trial that was under way when the search was killed is
    run again, even if the kill came between two of Keras Tuner's files. ``first`` is a point that
    is tried before any other; its trial's values carry ``"origin": "paper"``. ``on_end`` is called
    with the number of each trial that ended.
    """

    first: dict | None = None
    on_end: Callable[[int], None] | None = None

    def populate_space(self, trial_id):
        tried = (trial.hyperparameters.values for trial in self.trials.values())
        if self.first is None or any("origin" in values for values in tried):
            return super().populate_space(trial_id)
        return {"status": "RUNNING", "values": {**self.first, "origin": PAPER}}

    @keras_tuner.synchronized
    def end_trial(self, trial):
        super().end_trial(trial)
        if self.on_end is not None:
            self.on_end(int(trial.trial_id))

    def save(self):
        write_text(self._get_oracle_fname(), json.dumps(self.get_state()))

    def _save_trial(self, trial):
        folder = Path(self._get_trial_dir(trial.trial_id))
        write_text(folder / "trial.json", json.dumps(trial.get_state()))

    def reload(self):
        super().reload()
        for trial_id, trial in self.trials.items():
            if trial.status == "RUNNING" and trial_id not in self._retry_queue:
                self._retry_queue.append(trial_id)


class RandomOracle(SearchOracle, oracles.RandomSearchOracle):
    """Points drawn from the space."""


class BayesianOracle(SearchOracle, oracles.BayesianOptimizationOracle):
    """Points that a Gaussian process of the trials so far expects to be good."""


class HyperbandOracle(SearchOracle, oracles.HyperbandOracle):
    """Many short trials, the best of which are continued (Li et al. 2018)."""


def make_oracle(
    settings: Settings, space: Space, trials: int, first: dict | None = None
) -> SearchOracle:
    """The oracle of a search of so many trials.

    Args:
        settings: of the search.
        space: to draw from.
        trials: in all; with Hyperband each continuation of a trial is one, too.
        first: a point to begin with.
    """
    hyperparameters = keras_tuner.HyperParameters()
    space.declare(hyperparameters)
    options = {
        "objective": keras_tuner.Objective(settings.objective, settings.direction),
        "hyperparameters": hyperparameters,
        "allow_new_entries": False,
        "seed": settings.seed + 1,  # of 0 Keras Tuner would make a random one
        "max_consecutive_failed_trials": trials + 1,
    }
    if settings.tuner == "hyperband":
        oracle = HyperbandOracle(max_epochs=settings.rounds, hyperband_iterations=trials, **options)
        oracle.max_trials = trials
    elif settings.tuner == "bayesian":
        oracle = BayesianOracle(
            max_trials=trials, num_initial_points=max(3, trials // 3), **options
        )
    else:
        oracle = RandomOracle(max_trials=trials, **options)
    if first is not None:
        oracle.first = dict(first)
        if settings.tuner == "hyperband":
            oracle.first |= {"tuner/epochs": settings.rounds, "tuner/initial_epoch": 0}
    return oracle
