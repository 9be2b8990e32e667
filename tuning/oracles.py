"""Keras Tuner's oracles, extended to survive a kill and to begin with a given point."""

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
    """Base class that extends the oracles of Keras Tuner.

    State files are written completely or not at all. A trial that was running when the search was
    killed is run again, even if the kill came between the writing of two files. ``first`` is a
    point that is tried before all others; the values of its trial contain ``"origin": "paper"``.
    ``on_end`` is called with the number of each trial that ended.
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
    """Draws random points of the space."""


class BayesianOracle(SearchOracle, oracles.BayesianOptimizationOracle):
    """Proposes points that a Gaussian process, fitted to the trials so far, expects to be good."""


class HyperbandOracle(SearchOracle, oracles.HyperbandOracle):
    """Runs many short trials and continues the best of them (Li et al. 2018)."""


def make_oracle(
    settings: Settings, space: Space, trials: int, first: dict | None = None
) -> SearchOracle:
    """Make the oracle of a search.

    Args:
        settings: Settings of the search.
        space: Search space.
        trials: Number of trials. With Hyperband, each continuation of a trial counts as one.
        first: Point to begin with.
    """
    hyperparameters = keras_tuner.HyperParameters()
    space.declare(hyperparameters)
    options = {
        "objective": keras_tuner.Objective(settings.objective, settings.direction),
        "hyperparameters": hyperparameters,
        "allow_new_entries": False,
        "seed": settings.seed + 1,  # Keras Tuner replaces 0 by a random seed.
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
