"""Runs trials round by round, with records, early stopping and tolerance of failed trials."""

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
MIN_OTHERS = 3


def is_hopeless(record: Record, others: Sequence[Record], settings: Settings) -> bool:
    """Return whether to stop a trial early by the median rule (Golovin et al. 2017).

    A trial is stopped after at least a third of its rounds if its best score so far is worse than
    the median of the best scores that at least three other trials had after as many rounds.
    """
    rounds = len(record.curve)
    if rounds >= settings.rounds or rounds < PATIENCE * settings.rounds:
        return False
    comparable = [other for other in others if len(other.curve) >= rounds and other != record]
    scores = [other.best_score(settings, rounds) for other in comparable]
    if len(scores) < MIN_OTHERS:
        return False
    return settings.better(statistics.median(scores), record.best_score(settings))


class _Steps(keras.callbacks.Callback):
    def __init__(self, show) -> None:
        super().__init__()
        self._show = show

    def on_train_batch_end(self, batch, logs=None) -> None:
        self._show(int(self.model.optimizer.iterations))


class SearchTuner(keras_tuner.Tuner):
    """Runs the trials that the oracle proposes.

    Each trial writes ``record.json`` to its folder. With Hyperband it also writes its state, from
    which it can be continued. A trial fails if a loss is not finite or the memory is insufficient.
    Any other error ends the search.

    Args:
        oracle: Oracle that proposes the points.
        hypermodel: Model that builds and fits a trial.
        settings: Settings of the search.
        space: Search space.
        out: Folder of the search.
        display: ``display.Display`` that shows the progress.
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
        """Do nothing, as the space is known. Keras Tuner would build models to find it."""

    def _get_tuner_fname(self) -> str:
        """Return one name for all owners of the oracle, so that a search may change its role."""
        name = self.tuner_id if self._is_worker() else "oracle_owner"
        return str(Path(self.project_dir) / f"{name}.json")

    def pre_create_trial(self) -> None:
        """Wait before asking again, as Keras Tuner repeats requests without a pause."""
        if self._waiting:
            time.sleep(0.5)
        self._waiting = True

    def on_trial_end(self, trial) -> None:
        self._waiting = False
        super().on_trial_end(trial)
        if self._is_worker():  # Other roles are told by the oracle.
            self._display.end(int(trial.trial_id), read_records(self._out))

    def run_trial(self, trial, *args, **kwargs) -> dict[str, float]:
        """Train and validate the trial's model, and return the metrics of the best round."""
        folder = self._folder(trial.trial_id)
        values = trial.hyperparameters.values
        record = Record(
            number=int(trial.trial_id),
            values=self._space.complete(values),
            origin=values.get("origin", "search"),
        )
        # A trial with a record has ended, even if the search was killed before the oracle knew.
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
        """Return the number of steps of a round or its deadline."""
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
