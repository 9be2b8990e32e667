"""The manifest of a corpus: a row for each pair, ``manifest.csv``."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tfaudiogan.errors import InputError

MANIFEST = "manifest.csv"


@dataclass(frozen=True)
class Pair:
    """One track twice: as it sounds, and as it should sound.

    ``input`` and ``target`` are paths relative to the corpus; ``samples`` their common length at
    ``sample_rate``, to which files of other rates are resampled as they are read.
    The gains, in dB, bring each side to the common level (``tfaudiogan.audio.levels``) and are
    applied when crops are read. ``sounding`` lists the ranges of samples, multiples of
    ``levels.BLOCK`` but for the last, in which either side is above the gate at that level.
    ``settings`` is what the task that made the pair needs to make it again. ``altered`` is false
    where both sides hold the same samples: there a network learns to leave alone what is good.
    """

    name: str
    split: str
    task: str
    input: str
    target: str
    samples: int
    sample_rate: int
    input_gain_db: float
    target_gain_db: float
    sounding: tuple[tuple[int, int], ...]
    source: str
    source_sha256: str
    settings: Mapping[str, Any]
    altered: bool = True

    def to_row(self) -> dict[str, str]:
        """The manifest's row, as text."""
        row = {f.name: str(getattr(self, f.name)) for f in fields(self)}
        row["input_gain_db"] = f"{self.input_gain_db:.4f}"
        row["target_gain_db"] = f"{self.target_gain_db:.4f}"
        row["sounding"] = ";".join(f"{start}-{stop}" for start, stop in self.sounding)
        row["settings"] = json.dumps(dict(self.settings), sort_keys=True)
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> "Pair":
        """Read a manifest's row; KeyError or ValueError where it isn't one."""
        values: dict[str, Any] = {f.name: row[f.name] for f in fields(cls) if f.name in row}
        values["samples"] = int(row["samples"])
        values["sample_rate"] = int(row["sample_rate"])
        values["input_gain_db"] = float(row["input_gain_db"])
        values["target_gain_db"] = float(row["target_gain_db"])
        values["sounding"] = tuple(
            (int(start), int(stop))
            for start, stop in (part.split("-") for part in row["sounding"].split(";") if part)
        )
        values["settings"] = json.loads(row["settings"])
        values["altered"] = row.get("altered") != "False"
        return cls(**values)

    @property
    def seconds(self) -> float:
        """Length of the track."""
        return self.samples / self.sample_rate


def parse_manifest(text: str, where: Path | str) -> tuple[Pair, ...]:
    """The pairs of a manifest.

    Args:
        text: of the manifest.
        where: it is from, for messages.

    Raises:
        InputError: when it is damaged, lists no pairs, or mixes sample rates or tasks.
    """
    pairs = []
    for number, row in enumerate(csv.DictReader(io.StringIO(text, newline="")), start=2):
        try:
            pairs.append(Pair.from_row(row))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{where}, line {number}: {error!r}; render the corpus again"
            ) from error
    if not pairs:
        raise InputError(f"{where} lists no pairs; render the corpus again")
    for name in ("sample_rate", "task"):
        values = sorted({getattr(pair, name) for pair in pairs})
        if len(values) > 1:
            raise InputError(f"{where} mixes {name} {values}; keep one corpus for each")
    return tuple(pairs)


def format_header() -> str:
    """The first line of a manifest."""
    return _csv_line([f.name for f in fields(Pair)])


def format_row(pair: Pair) -> str:
    """The line of a pair in a manifest."""
    row = pair.to_row()
    return _csv_line([row[f.name] for f in fields(Pair)])


def _csv_line(values: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
