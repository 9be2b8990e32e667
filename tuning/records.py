"""Records of ended trials: a JSON file in the folder of each trial, which all processes share."""

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tfaudiogan.errors import InputError
from tfaudiogan.runs.identity import read_json
from tfaudiogan.storage import write_text
from tuning.settings import Settings
from tuning.space import Value

PROJECT = "trials"
FILE = "record.json"


@dataclass
class Record:
    """The record of an ended trial.

    Attributes:
        number: Number of the trial, from 0.
        values: Values of all parameters with an effect, including fixed ones.
        origin: ``"search"``, or ``"paper"`` for the paper's values.
        status: ``"completed"``, ``"stopped"`` (early) or ``"failed"``.
        curve: Logs of each round, with ``step`` and ``score``.
        seconds: Duration of the trial.
        reason: Reason why the trial failed or was stopped.
    """

    number: int
    values: dict[str, Value]
    origin: str = "search"
    status: str = "completed"
    curve: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    reason: str = ""

    @property
    def steps(self) -> int:
        """Number of generator updates that the trial made."""
        return int(self.curve[-1]["step"]) if self.curve else 0

    @property
    def label(self) -> str:
        """Label of the trial in tables, which count from 1."""
        return f"{self.number + 1}" + (" (paper)" if self.origin == "paper" else "")

    def best_round(self, settings: Settings, rounds: int | None = None) -> dict[str, float] | None:
        """Return the logs of the round with the best score among all or the first ``rounds``."""
        best = None
        for logs in self.curve[:rounds]:
            if best is None or settings.better(logs["score"], best["score"]):
                best = logs
        return best

    def best_score(self, settings: Settings, rounds: int | None = None) -> float:
        """Return the best score; NaN if no round has ended."""
        best = self.best_round(settings, rounds)
        return math.nan if best is None else best["score"]

    def write(self, folder: Path) -> None:
        """Write ``record.json`` into the trial's folder."""
        write_text(folder / FILE, json.dumps(dataclasses.asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Record":
        """Read the record of a trial from its folder.

        Raises:
            InputError: If the file is damaged.
        """
        path = folder / FILE
        values = read_json(path)
        try:
            record = cls(**values)
        except TypeError as error:
            raise InputError(f"{path} is damaged ({error}); remove it, or search again") from error
        for name, default in vars(cls(0, {})).items():
            value = values.get(name, default)
            kinds = (int, float) if isinstance(default, float) else type(default)
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise InputError(
                    f"{path} is damaged ({name} is {value!r}); remove it, or search again"
                )
        for logs in record.curve:
            if not isinstance(logs, dict) or not all(
                isinstance(logs.get(name), kinds) and not isinstance(logs[name], bool)
                for name, kinds in (("step", int), ("score", (int, float)))
            ):
                raise InputError(
                    f"{path} is damaged (its curve holds {str(logs)[:40]}); remove it, or search "
                    "again"
                )
        return record


def read_records(out: Path) -> list[Record]:
    """Read the records of all ended trials of a search, in the order of their numbers."""
    records = [Record.read(file.parent) for file in (out / PROJECT).glob(f"trial_*/{FILE}")]
    return sorted(records, key=lambda record: record.number)


def best_record(records: Sequence[Record], settings: Settings) -> Record | None:
    """Return the trial with the best score; ``None`` if all failed."""
    best = None
    for record in records:
        if record.status == "failed" or not record.curve:
            continue
        score = record.best_score(settings)
        if best is None or settings.better(score, best.best_score(settings)):
            best = record
    return best
