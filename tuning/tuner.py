"""Runs the trials: round by round, with records, early stopping and failures that end only one."""

import math
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import keras
from keras_tuner import errors

from tfaudiogan.runs.callbacks import Diverged
from tfaudiogan.runs.checkpoint import assign_values, load_values, save_state
from tuning.hypermodel import SearchModel
from tuning.oracles import SearchOracle, keras_tuner
from tuning.records import FILE, PROJECT, Record, read_records
from tuning.settings import Settings
from tuning.space import Space

PATIENCE = 1 / 3
JURY = 3


def is_hopeless(record: Record, others: Sequence[Record], settings: Settings) -> bool:
    """Median stopping (Golovin et al. 2017): behind half of the others at the same place.

    A trial is hopeless when, after a third of its rounds or more, its best score so far is worse
    than the median of the best that at least three others had after as many rounds.
    """
    rounds = len(record.curve)
    if rounds >= settings.rounds or rounds < PATIENCE * settings.rounds:
        return False
    jury = [other for other in others if len(other.curve) >= rounds and other != record]
    scores = [other.best_score(settings, rounds) for other in jury]
    if len(scores) < JURY:
        return False
    return settings.better(statistics.median(scores), record.best_score(settings))


class _Steps(keras.callbacks.Callback):
    def __init__(self, show) -> None:
        super().__init__()
        self._show = show

    def on_train_batch_end(self, batch, logs=None) -> None:
        self._show(int(self.model.optimizer.iterations))


class SearchTuner(keras_tuner.Tuner):
    """Runs what the oracle proposes.

    Each trial leaves ``record.json`` in its folder; Hyperband's trials their state, too, from which
    they are continued. A loss that is not a number, or a model that memory does not hold, fails the
    trial; any other error ends the search.

    Args:
        oracle: proposes the points.
        hypermodel: builds and fits.
        settings: of the search.
        space: of the search.
        out: folder of the search.
        display: shows the progress (``display.Display``).
    """

    def __init__(
        self,
        oracle: SearchOracle,
        hypermodel: SearchModel,
        settings: Settings,
        space: Space,
        out: Path,
        display,
    ) -> None:
        self._settings, self._space, self._out, self._display = settings, space, out, display
        self._waiting = False
        super().__init__(oracle, hypermodel, directory=str(out), project_name=PROJECT)

    def _populate_initial_space(self) -> None:
        """The space is known; Keras Tuner would build models to find it."""

    def _get_tuner_fname(self) -> str:
        """One file for whoever has the oracle, so that a search may change its role."""
        name = self.tuner_id if self._is_worker() else "oracle_owner"
        return str(Path(self.project_dir) / f"{name}.json")

    def pre_create_trial(self) -> None:
        """Keras Tuner asks at once again when there is nothing to do yet."""
        if self._waiting:
            time.sleep(0.5)
        self._waiting = True

    def on_trial_end(self, trial) -> None:
        self._waiting = False
        super().on_trial_end(trial)
        if self._is_worker():  # elsewhere the oracle says so
            self._display.end(int(trial.trial_id), read_records(self._out))

    def run_trial(self, trial, *args, **kwargs) -> dict[str, float]:
        """Train and validate the trial's model; the best round's metrics."""
        folder = self._folder(trial.trial_id)
        values = trial.hyperparameters.values
        record = Record(
            number=int(trial.trial_id),
            values=self._space.complete(values),
            origin=values.get("origin", "search"),
        )
        # Killed after its record was written, before the oracle knew, a trial is over all the same.
        before = Record.read(folder) if (folder / FILE).is_file() else None
        if before is not None and before.values == record.values:
            record = before
        else:
            began = time.monotonic()
            self._display.begin(record)
            keras.backend.clear_session()
            self._attempt(trial, record, began)
            record.seconds = round(time.monotonic() - began, 1)
            record.write(folder)
        if record.status == "failed":
            raise errors.FailedTrialError(record.reason)
        best = record.best_round(self._settings) or {}
        return {**best, self._settings.objective: record.best_score(self._settings)}

    def _attempt(self, trial, record: Record, began: float) -> None:
        try:
            self._run(trial, record, began)
            if not math.isfinite(record.best_score(self._settings)):
                raise Diverged(f"{self._settings.objective} is not a number")
        except Exception as error:
            reason = _reason_to_fail(error)
            if reason is None:
                raise errors.FatalError(str(error)) from error
            record.status, record.reason = "failed", reason

    def _folder(self, trial_id: str) -> Path:
        return Path(self.get_trial_dir(trial_id))

    def _run(self, trial, record: Record, began: float) -> None:
        hp, settings = trial.hyperparameters, self._settings
        model = self.hypermodel.build(hp)
        first = hp.values.get("tuner/initial_epoch", 0)
        last = hp.values.get("tuner/epochs", settings.rounds)
        if hp.values.get("tuner/trial_id"):
            before = self._folder(hp.values["tuner/trial_id"])
            assign_values(model, load_values(before / "state.npz", model))
            record.curve = Record.read(before).curve[:first]
        steps = _Steps(lambda step: self._display.step(step, time.monotonic() - began))
        for number in range(first, last):
            budget = self._budget(number, began, first)
            history = self.hypermodel.fit(hp, model, **budget, callbacks=[steps]).history
            logs = {name: float(value[-1]) for name, value in history.items()}
            step = int(model.optimizer.iterations)
            record.curve.append({"step": step, "score": settings.score(logs), **logs})
            if settings.early_stopping and settings.tuner != "hyperband":
                others = read_records(self._out)
                others = [other for other in others if other.number != record.number]
                if is_hopeless(record, others, settings):
                    record.status = "stopped"
                    record.reason = f"behind the median of {len(others)} trials at step {step}"
                    break
        if settings.tuner == "hyperband":
            save_state(self._folder(trial.trial_id) / "state.npz", model, {"step": record.steps})

    def _budget(self, number: int, began: float, first: int) -> dict:
        """Steps of a round, or the time when it ends."""
        settings = self._settings
        if settings.steps is not None and settings.steps_per_round is not None:
            whole = settings.steps_per_round
            return {"steps": min(whole, settings.steps - number * whole)}
        seconds = settings.seconds / settings.rounds
        return {"deadline": began + (number + 1 - first) * seconds}


def _reason_to_fail(error: Exception) -> str | None:
    if isinstance(error, Diverged):
        return str(error).partition(";")[0]
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        return "the model and its batch do not fit into memory"
    return None
