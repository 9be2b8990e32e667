"""Reads the logs of a training run."""

import csv
from pathlib import Path

import numpy as np

from tfaudiogan.errors import InputError

_RENAMED = {"critic_loss": "discriminator_loss", "critic_distance": "discriminator_distance"}


def read_history(path: Path | str) -> dict[str, np.ndarray]:
    """Read the columns of a run's ``history.csv`` as float64; a cell without a number is NaN.

    Logs that have been renamed have their present names.

    Raises:
        InputError: If the file is missing or has no rows.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the history {path} ({error})") from error
    if not rows:
        raise InputError(f"{path} holds no epochs; train at least one")
    for row in rows:
        for old_name in _RENAMED.keys() & row.keys():
            value = row.pop(old_name)
            row.setdefault(_RENAMED[old_name], value)
            row[_RENAMED[old_name]] = row[_RENAMED[old_name]] or value
    return {name: np.array([_number(row[name]) for row in rows]) for name in rows[0] if name}


def _number(cell: str | None) -> float:
    try:
        return float(cell or "nan")
    except ValueError:
        return float("nan")
