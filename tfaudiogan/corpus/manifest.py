"""The manifest of a corpus, ``manifest.csv``, with a row for each pair."""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tfaudiogan.errors import InputError

MANIFEST = "manifest.csv"

_LONGEST_FIELD = 2**31 - 1
"""Characters; a long track with many pauses has more sounding ranges than csv's default allows."""


@dataclass(frozen=True)
class Pair:
    """An input and a target recording of the same performance.

    Attributes:
        name: unique name of the pair.
        split: ``"train"``, ``"validation"`` or ``"test"``.
        task: the task that made the pair.
        input, target: paths of the files, relative to the corpus.
        samples: their common length at ``sample_rate``.
        sample_rate: in hertz; files of other rates are resampled to it when they are read.
        input_gain_db, target_gain_db: gains that bring each side to the common level
            (``tfaudiogan.audio.levels``), applied when crops are read.
        sounding: ranges of samples in which either side is above the gate at the common level;
            multiples of ``levels.BLOCK``, except for the end of the track.
        source: file that the pair was made from.
        source_sha256: its checksum.
        settings: what the task needs to make the pair again.
        altered: false if both sides hold the same samples, from which a network learns to leave
            good recordings unchanged.
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
        """Return the manifest's row, as text."""
        row = {f.name: str(getattr(self, f.name)) for f in fields(self)}
        row["input_gain_db"] = f"{self.input_gain_db:.4f}"
        row["target_gain_db"] = f"{self.target_gain_db:.4f}"
        row["sounding"] = ";".join(f"{start}-{stop}" for start, stop in self.sounding)
        row["settings"] = json.dumps(dict(self.settings), sort_keys=True)
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> "Pair":
        """Parse a manifest's row; raises KeyError or ValueError if it is invalid."""
        values: dict[str, Any] = {f.name: row[f.name] for f in fields(cls) if f.name in row}
        for name in ("samples", "sample_rate"):
            values[name] = int(row[name])
            if values[name] < 1:
                raise ValueError(f"{name} is {values[name]}; expected 1 or more")
        for name in ("input_gain_db", "target_gain_db"):
            values[name] = float(row[name])
            if not math.isfinite(values[name]):
                raise ValueError(f"{name} is {values[name]}; expected a number")
        values["sounding"] = tuple(
            (int(start), int(stop))
            for start, stop in (part.split("-") for part in row["sounding"].split(";") if part)
        )
        values["settings"] = json.loads(row["settings"])
        if not isinstance(values["settings"], dict):
            raise ValueError(f"settings is {values['settings']!r}; expected an object")
        values["altered"] = row.get("altered") != "False"
        return cls(**values)

    @property
    def seconds(self) -> float:
        """Length of the track, in seconds."""
        return self.samples / self.sample_rate


def read_manifest_text(path: Path) -> str:
    """Read the text of a manifest.

    Raises:
        InputError: if it is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is damaged ({error}); render the corpus again") from error


def read_rows(text: str, where: Path | str) -> Iterator[dict[str, str]]:
    """Yield the rows of a manifest.

    Raises:
        InputError: if it is not CSV.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        yield from csv.DictReader(io.StringIO(text, newline=""))
    except csv.Error as error:
        raise InputError(f"{where} is damaged ({error}); render the corpus again") from error


def parse_manifest(text: str, where: Path | str) -> tuple[Pair, ...]:
    """Parse the pairs of a manifest.

    Args:
        text: text of the manifest.
        where: its path or URL, for error messages.

    Raises:
        InputError: if it is damaged, lists no pairs, or mixes sample rates or tasks.
    """
    pairs = []
    for number, row in enumerate(read_rows(text, where), start=2):
        try:
            pairs.append(Pair.from_row(row))
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise InputError(
                f"{where}, line {number}: {error!r}; render the corpus again"
            ) from error
    if not pairs:
        raise InputError(f"{where} lists no pairs; render the corpus again")
    for name in ("sample_rate", "task"):
        values = sorted({getattr(pair, name) for pair in pairs})
        if len(values) > 1:
            raise InputError(f"{where} mixes {name} {values}; make a separate corpus for each")
    return tuple(pairs)


def format_header() -> str:
    """Return the first line of a manifest."""
    return _csv_line([f.name for f in fields(Pair)])


def format_row(pair: Pair) -> str:
    """Return the line of a pair in a manifest."""
    row = pair.to_row()
    return _csv_line([row[f.name] for f in fields(Pair)])


def _csv_line(values: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
