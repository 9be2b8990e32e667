"""Shows the progress of a search: the current trial, the best score so far and the time left."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from rich.progress import TaskID

from tfaudiogan.progress import progress_bar
from tuning.records import Record, best_record
from tuning.settings import Settings
from tuning.space import Value

_HOURS = 3600.0


def setting(values: Mapping[str, Value]) -> str:
    """Format values such as ``"lambda_f 3.2, d_max 2"``. A switch is shown only if it is on."""
    shown = {name: value for name, value in values.items() if value is not False}
    return ", ".join(
        name if value is True else f"{name} {value:.3g}" for name, value in shown.items()
    )


def outcome(record: Record, settings: Settings) -> str:
    """Return a text such as ``"val_snr 1.23"``, or the reason why a trial failed."""
    if record.status == "failed":
        return f"failed: {record.reason}"
    score = record.best_score(settings)
    stopped = f", stopped: {record.reason}" if record.status == "stopped" else ""
    return f"{settings.objective} {score:.3f}{stopped}"


class Display(AbstractContextManager):
    """Shows a bar over all trials, a bar over the current trial, and a line for each ended trial.

    Args:
        settings: Settings of the search.
        trials: Number of trials in the search.
        overall: Whether to show the bar over all trials. A worker shows only its own trial.
    """

    def __init__(self, settings: Settings, trials: int, overall: bool = True) -> None:
        self._settings, self._trials = settings, trials
        self._bar = progress_bar()
        self._bar.speed_estimate_period = (
            _HOURS  # Trials take minutes, so the speed is averaged longer.
        )
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
        """Continue from the records of an earlier start of the search."""
        self._ended = len(records)
        self._bar.update(self._search, completed=self._ended, status=self._best(records))

    def begin(self, record: Record) -> None:
        """Show a trial that begins in this process."""
        if self._trial is not None:
            self._bar.remove_task(self._trial)
        total = self._settings.steps or round(self._settings.seconds)
        self._trial = self._bar.add_task(
            f"trial {record.number + 1} of {self._trials}",
            total=total,
            status="steps" if self._settings.steps else "seconds",
        )

    def step(self, step: int, seconds: float) -> None:
        """Show the progress of the current trial."""
        done = step if self._settings.steps else seconds
        if self._trial is not None:
            self._bar.update(self._trial, completed=done)
        total = self._settings.steps or self._settings.seconds
        self._bar.update(self._search, completed=self._ended + min(done / total, 1.0))

    def end(self, number: int, records: list[Record]) -> None:
        """Show the outcome of a trial that ended in this process or a worker."""
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
