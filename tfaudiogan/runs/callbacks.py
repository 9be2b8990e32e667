"""Keras callbacks of a run: progress, logs, checkpoints, averaged weights and early ends."""

import csv
import io
import math
import signal
import time
from collections.abc import Callable
from pathlib import Path

import keras

from tfaudiogan.errors import InputError
from tfaudiogan.progress import progress_bar
from tfaudiogan.runs.checkpoint import assign_values, load_values, save_state
from tfaudiogan.storage import write_text


class Diverged(RuntimeError):
    """Raised when a loss is not finite."""


class Interrupted(Exception):
    """Raised when the run was asked to stop and has saved its state."""


def _synchronize(model) -> None:
    """Update the model's variables within an epoch; under JAX the trainer holds their values."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()


def steps_made(model) -> int:
    """Return the number of generator updates that the model has made."""
    return int(keras.ops.convert_to_numpy(model.optimizer.iterations))


class ProgressBar(keras.callbacks.Callback):
    """Shows one progress bar over all steps, with some of the logs beside it.

    Args:
        steps: Number of steps in the whole run.
        start: Number of steps that are already done.
        shown: Names of the logs to show.
    """

    def __init__(self, steps: int, start: int = 0, shown=("loss", "snr", "val_snr")) -> None:
        super().__init__()
        self._steps, self._done, self._shown = steps, start, shown
        self._bar = progress_bar()
        self._logs: dict[str, float] = {}

    def on_train_begin(self, logs=None) -> None:
        self._bar.start()
        self._task = self._bar.add_task(
            "training", total=self._steps, completed=self._done, status=""
        )

    def _show(self, logs) -> None:
        self._logs.update({k: float(v) for k, v in (logs or {}).items() if k in self._shown})
        status = "  ".join(f"{k} {self._logs[k]:.3f}" for k in self._shown if k in self._logs)
        self._bar.update(self._task, completed=self._done, status=status)

    def on_train_batch_end(self, batch, logs=None) -> None:
        self._done += 1
        self._show(logs)

    def on_epoch_end(self, epoch, logs=None) -> None:
        self._show(logs)

    def close(self) -> None:
        """Stop the bar and restore the terminal. Call it after an error, too."""
        self._bar.stop()

    def on_train_end(self, logs=None) -> None:
        self.close()


class LossShares(keras.callbacks.Callback):
    """Adds each term's share of the weighted loss to the logs, as ``TERM_share`` in [0, 1].

    The shares are relative to the sum of the weighted terms' magnitudes, so they sum to one even
    if a term is negative. The weights are those of the epoch's end.
    """

    def on_epoch_end(self, epoch, logs=None) -> None:
        model = self.model
        weights = {
            name: float(model.effective_weight(name, weight))
            for name, weight in model.weights_of_losses.active().items()
        }
        weighted = {name: abs(weight * logs[name]) for name, weight in weights.items()}
        total = sum(weighted.values())
        for name, value in weighted.items():
            logs[f"{name}_share"] = value / total if total else 0.0


class History(keras.callbacks.Callback):
    """Writes ``history.csv`` with one row per epoch; the whole file is rewritten each time.

    Args:
        path: Path of the file. Rows of earlier epochs are kept.
        epoch: First epoch of the training. Rows from this epoch on are dropped.
    """

    def __init__(self, path: Path, epoch: int = 0) -> None:
        super().__init__()
        self._path = Path(path)
        self._rows: list[dict[str, object]] = []
        self._epoch_start = time.monotonic()
        if epoch and self._path.is_file():
            try:
                with self._path.open(newline="", encoding="utf-8") as stream:
                    self._rows = [
                        row for row in csv.DictReader(stream) if int(row["epoch"]) < epoch
                    ]
            except (ValueError, KeyError, TypeError, csv.Error) as error:
                raise InputError(
                    f"{self._path} is damaged ({error!r}); remove it to resume without it"
                ) from error

    def on_epoch_end(self, epoch, logs=None) -> None:
        now = time.monotonic()
        row = {"epoch": epoch, "step": steps_made(self.model)}
        row |= {name: float(value) for name, value in (logs or {}).items()}
        row["seconds"] = round(now - self._epoch_start, 2)
        self._epoch_start = now
        self._rows.append(row)
        names = list(dict.fromkeys(name for row in self._rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(self._rows)
        write_text(self._path, text.getvalue())


class AveragedWeights(keras.callbacks.Callback):
    """Validates with the moving average of the generator's weights, if the optimizer keeps one."""

    def __init__(self) -> None:
        super().__init__()
        self._raw = None

    def swap_in(self) -> None:
        """Replace the weights by their average."""
        if self.model.optimizer.use_ema and steps_made(self.model):
            variables = self.model.generator.trainable_variables
            self._raw = [keras.ops.copy(variable.value) for variable in variables]
            self.model.optimizer.put_average(variables)

    def swap_out(self) -> None:
        """Restore the weights."""
        if self._raw is not None:
            variables = self.model.generator.trainable_variables
            for variable, value in zip(variables, self._raw, strict=True):
                variable.assign(value)
            self._raw = None

    def on_test_begin(self, logs=None) -> None:
        self.swap_in()

    def on_test_end(self, logs=None) -> None:
        self.swap_out()


class BestGenerator(keras.callbacks.Callback):
    """Saves the generator after each epoch that improves on the best value of a log.

    Args:
        save: Function that saves the model's generator. It is called while the averaged weights
            are in place.
        averaged: Callback that swaps the averaged weights in and out.
        monitor: Name of the log. Higher is better for ``val_snr``, lower for all others.
        best: Best value so far, if the run is resumed.
    """

    def __init__(
        self,
        save: Callable[[], None],
        averaged: AveragedWeights,
        monitor: str = "val_snr",
        best: float | None = None,
    ) -> None:
        super().__init__()
        self._save, self.averaged, self.monitor, self.best = save, averaged, monitor, best

    def on_epoch_end(self, epoch, logs=None) -> None:
        value = (logs or {}).get(self.monitor)
        if value is None or not math.isfinite(value):
            return
        sign = 1.0 if self.monitor == "val_snr" else -1.0
        if self.best is None or sign * value > sign * self.best:
            self.best = float(value)
            self.averaged.swap_in()
            try:
                self._save()
            finally:
                self.averaged.swap_out()


class StopOnDivergence(keras.callbacks.Callback):
    """Raises ``Diverged`` when the loss is not finite."""

    def on_train_batch_end(self, batch, logs=None) -> None:
        if logs and not math.isfinite(logs["loss"]):
            step = steps_made(self.model)
            terms = {name: value for name, value in logs.items() if not math.isfinite(value)}
            raise Diverged(
                f"{', '.join(f'{name} is {value:g}' for name, value in terms.items())} at step "
                f"{step}; lower --learning-rate or that term's weight, and start again"
            )


class StopAtStep(keras.callbacks.Callback):
    """Ends the run after ``steps`` generator updates, even within an epoch."""

    def __init__(self, steps: int, start: int = 0) -> None:
        super().__init__()
        self._remaining = steps - start

    def on_train_batch_end(self, batch, logs=None) -> None:
        self._remaining -= 1
        if self._remaining <= 0:
            self.model.stop_training = True


class Checkpoint(keras.callbacks.Callback):
    """Saves the whole state after each epoch, at intervals within it, and on an interrupt.

    The first Ctrl-C (SIGINT) or SIGTERM ends the run after the current step: the state is saved and
    ``Interrupted`` is raised. A second Ctrl-C ends the run immediately.

    Args:
        path: Path of the checkpoint.
        best: Callback that holds the best value so far, which is part of the state.
        step: Steps that the run has made when training begins.
        resume_from: Checkpoint whose values are restored when training begins.
        interval_seconds: Time between two saves within an epoch.
        in_any: Function that returns whether a flag is set in any process of the run, so that all
            processes save at the same step.
    """

    def __init__(
        self,
        path: Path,
        best: BestGenerator,
        step: int = 0,
        resume_from: Path | None = None,
        interval_seconds: float = 300.0,
        in_any: Callable[[bool], bool] = bool,
    ) -> None:
        super().__init__()
        self._path, self._best, self.step = Path(path), best, step
        self._resume_from = resume_from
        self._interval_seconds = interval_seconds
        self._in_any = in_any
        self._signals = {}
        self._stop = False

    def on_train_begin(self, logs=None) -> None:
        self._saved = time.monotonic()
        if not self._signals:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._signals[number] = signal.signal(number, self._on_signal)

    def _on_signal(self, number, frame) -> None:
        if self._stop and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._stop = True

    def on_epoch_begin(self, epoch, logs=None) -> None:
        if self._resume_from is not None:
            # Not earlier: fit resets the metrics, and their sums of half an epoch are restored.
            assign_values(self.model, load_values(self._resume_from, self.model))
            self._resume_from = None

    def _save(self) -> None:
        save_state(self._path, self.model, {"step": self.step, "best": self._best.best})
        self._saved = time.monotonic()

    def on_train_batch_end(self, batch, logs=None) -> None:
        self.step += 1
        ends_epoch = self.model.stop_training or batch + 1 == self.params["steps"]
        due = self._stop or time.monotonic() - self._saved > self._interval_seconds
        if not ends_epoch and self._in_any(due):
            _synchronize(self.model)
            self._save()
            self._raise_if_stopped()

    def on_epoch_end(self, epoch, logs=None) -> None:
        self.model.reset_metrics()
        self._save()
        self._raise_if_stopped()

    def _raise_if_stopped(self) -> None:
        if self._in_any(self._stop):
            raise Interrupted(f"stopped after step {self.step}; continue with --resume")

    def close(self) -> None:
        """Restore the signal handlers. Call it after an error, too."""
        for number, handler in self._signals.items():
            signal.signal(number, handler)
        self._signals = {}

    def on_train_end(self, logs=None) -> None:
        self.close()
