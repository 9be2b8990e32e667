"""What a training has logged, read back."""

import csv
from pathlib import Path

import numpy as np

from tfaudiogan.errors import InputError


def read_history(path: Path | str) -> dict[str, np.ndarray]:
    """Columns of a training's ``history.csv`` as float64; cells that hold no number are NaN.

    Raises:
        InputError: when the file is missing or holds no rows.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the history {path} ({error})") from error
    if not rows:
        raise InputError(f"{path} holds no epochs; train at least one")
    return {name: np.array([_number(row[name]) for row in rows]) for name in rows[0] if name}


def _number(cell: str | None) -> float:
    try:
        return float(cell or "nan")
    except ValueError:
        return float("nan")
