"""The progress of a search: trial n of N, the best so far, the time left."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from rich.progress import TaskID

from tfaudiogan.progress import progress_bar
from tuning.records import Record, best_record
from tuning.settings import Settings
from tuning.space import Value

_HOURS = 3600.0


def setting(values: Mapping[str, Value]) -> str:
    """``"lambda_f 3.2, d_max 2"``; a switch is shown by its name where it is on."""
    shown = {name: value for name, value in values.items() if value is not False}
    return ", ".join(
        name if value is True else f"{name} {value:.3g}" for name, value in shown.items()
    )


def outcome(record: Record, settings: Settings) -> str:
    """``"val_snr 1.23"``, or why there is none."""
    if record.status == "failed":
        return f"failed: {record.reason}"
    score = record.best_score(settings)
    stopped = f", stopped: {record.reason}" if record.status == "stopped" else ""
    return f"{settings.objective} {score:.3f}{stopped}"


class Display(AbstractContextManager):
    """A bar over the trials, one over the present trial's steps, and a line for each that ended.

    Args:
        settings: of the search.
        trials: in all.
        overall: show the bar over all trials; a worker sees only its own.
    """

    def __init__(self, settings: Settings, trials: int, overall: bool = True) -> None:
        self._settings, self._trials = settings, trials
        self._bar = progress_bar()
        self._bar.speed_estimate_period = _HOURS  # a trial takes minutes: look back further
        self._search = self._bar.add_task("trials", total=trials, status="", visible=overall)
        self._trial: TaskID | None = None
        self._ended = 0

    def __enter__(self) -> "Display":
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._trial is not None:
            self._bar.remove_task(self._trial)
        self._bar.stop()

    def resume(self, records: list[Record]) -> None:
        """Begin where an earlier start of the search ended."""
        self._ended = len(records)
        self._bar.update(self._search, completed=self._ended, status=self._best(records))

    def begin(self, record: Record) -> None:
        """A trial begins in this process."""
        if self._trial is not None:
            self._bar.remove_task(self._trial)
        total = self._settings.steps or round(self._settings.seconds)
        self._trial = self._bar.add_task(
            f"trial {record.number + 1} of {self._trials}",
            total=total,
            status="steps" if self._settings.steps else "seconds",
        )

    def step(self, step: int, seconds: float) -> None:
        """The trial has come so far."""
        done = step if self._settings.steps else seconds
        if self._trial is not None:
            self._bar.update(self._trial, completed=done)
        total = self._settings.steps or self._settings.seconds
        self._bar.update(self._search, completed=self._ended + min(done / total, 1.0))

    def end(self, number: int, records: list[Record]) -> None:
        """A trial ended, in this process or a worker."""
        self._ended += 1
        self._bar.update(self._search, completed=self._ended, status=self._best(records))
        for record in records:
            if record.number == number:
                self._bar.console.print(
                    f"trial {record.label} of {self._trials}: {outcome(record, self._settings)}  "
                    f"[dim]{setting(record.values)}[/]"
                )

    def _best(self, records: list[Record]) -> str:
        best = best_record(records, self._settings)
        if best is None:
            return ""
        score = best.best_score(self._settings)
        return f"best {self._settings.objective} {score:.3f} (trial {best.label})"
