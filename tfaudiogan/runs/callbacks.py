"""What a run does between its steps: show, log, save, average, stop."""

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
    """The loss is no longer a number."""


class Interrupted(Exception):
    """The run was asked to stop, and has saved its state."""


def _synchronise(model) -> None:
    """Bring the model's variables up to date in the middle of an epoch (JAX keeps them aside)."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()


def steps_made(model) -> int:
    """Updates that the model's own optimiser has made."""
    return int(keras.ops.convert_to_numpy(model.optimizer.iterations))


class ProgressBar(keras.callbacks.Callback):
    """One bar over all steps, with the losses beside it.

    Args:
        steps: of the whole run.
        start: steps that are done already.
        shown: logs to show, where they are there.
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
        """Leave the terminal as it was; also after an error."""
        self._bar.stop()

    def on_train_end(self, logs=None) -> None:
        self.close()


class LossShares(keras.callbacks.Callback):
    """Adds each term's share of the weighted loss to the logs, as ``TERM_share`` in [0, 1].

    The shares are of the sum of the weighted terms' magnitudes, so that they sum to one even
    where a term is negative.
    """

    def on_epoch_end(self, epoch, logs=None) -> None:
        weights = self.model.weights_of_losses.active()
        weighted = {name: abs(weight * logs[name]) for name, weight in weights.items()}
        total = sum(weighted.values())
        for name, value in weighted.items():
            logs[f"{name}_share"] = value / total if total else 0.0


class History(keras.callbacks.Callback):
    """Writes ``history.csv``, a row an epoch, rewritten whole each time.

    Args:
        path: of the file; rows of earlier epochs in it are kept.
        epoch: the first epoch to come; rows from there on are dropped.
    """

    def __init__(self, path: Path, epoch: int = 0) -> None:
        super().__init__()
        self._path = Path(path)
        self._rows: list[dict[str, object]] = []
        self._since = time.monotonic()
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
        row["seconds"] = round(now - self._since, 2)
        self._since = now
        self._rows.append(row)
        names = list(dict.fromkeys(name for row in self._rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(self._rows)
        write_text(self._path, text.getvalue())


class AveragedWeights(keras.callbacks.Callback):
    """Validates with the moving average of the generator's weights, where there is one."""

    def __init__(self) -> None:
        super().__init__()
        self._raw = None

    def swap_in(self) -> None:
        """Put the average in place of the weights."""
        if self.model.optimizer.use_ema and steps_made(self.model):
            variables = self.model.generator.trainable_variables
            self._raw = [keras.ops.copy(variable.value) for variable in variables]
            self.model.optimizer.put_average(variables)

    def swap_out(self) -> None:
        """Put the weights back."""
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
    """Keeps the generator of the epoch with the best value of a log.

    Args:
        save: writes the model's generator, called with its averaged weights in place.
        averaged: swaps the averaged weights in and out.
        monitor: name of the log; ``val_snr`` is better higher, everything else lower.
        best: the best value so far, of a run that is continued.
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
    """Raises ``Diverged`` once the loss is not a number."""

    def on_train_batch_end(self, batch, logs=None) -> None:
        if logs and not math.isfinite(logs["loss"]):
            step = steps_made(self.model)
            terms = {name: value for name, value in logs.items() if not math.isfinite(value)}
            raise Diverged(
                f"{', '.join(f'{name} is {value:g}' for name, value in terms.items())} by step "
                f"{step}; lower --learning-rate or that term's weight, and begin anew"
            )


class StopAtStep(keras.callbacks.Callback):
    """Ends the run, mid-epoch where need be, after so many generator updates."""

    def __init__(self, steps: int, start: int = 0) -> None:
        super().__init__()
        self._left = steps - start

    def on_train_batch_end(self, batch, logs=None) -> None:
        self._left -= 1
        if self._left <= 0:
            self.model.stop_training = True


class Checkpoint(keras.callbacks.Callback):
    """Saves the whole state each epoch, each so many seconds, and when the run is interrupted.

    The first Ctrl-C, or a request to terminate, ends the run after the present step with its
    state saved (``Interrupted``); a second Ctrl-C ends it at once.

    Args:
        path: of the checkpoint.
        best: knows the best value so far.
        step: of the run, at the beginning.
        resume_from: the checkpoint whose values are put in place when training begins.
        interval_seconds: between two saves within an epoch.
        in_any: whether a flag is set in any of the run's processes, so that all save as one.
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
            # Only now: fit has just reset the metrics, whose half-epoch sums are part of the state.
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
            _synchronise(self.model)
            self._save()
            self._raise_if_stopped()

    def on_epoch_end(self, epoch, logs=None) -> None:
        self.model.reset_metrics()
        self._save()
        self._raise_if_stopped()

    def _raise_if_stopped(self) -> None:
        if self._in_any(self._stop):
            raise Interrupted(f"stopped after step {self.step}; go on with --resume")

    def close(self) -> None:
        """Give the signals back; also after an error."""
        for number, handler in self._signals.items():
            signal.signal(number, handler)
        self._signals = {}

    def on_train_end(self, logs=None) -> None:
        self.close()
