"""What an experiment's folder was made of, so that nothing else is mixed into it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfaudiogan.errors import InputError
from tfaudiogan.storage import write_text

NAME = "experiment.json"


def settle(folder: Path, made_of: Mapping[str, Any]) -> None:
    """Note what an experiment is made of, or check that the folder holds the very same.

    Args:
        folder: of the experiment; made where it is missing.
        made_of: JSON-able values by name, nested or not.

    Raises:
        InputError: when the folder holds another experiment; the first difference is named.
    """
    path = folder / NAME
    now = json.loads(json.dumps(made_of))
    if not path.is_file():
        write_text(path, json.dumps(now, indent=2) + "\n")
        return
    try:
        before = dict(_flat(json.loads(path.read_text(encoding="utf-8"))))
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({error}); give another --out") from error
    asked = dict(_flat(now))
    for name in before | asked:
        if before.get(name) != asked.get(name):
            raise InputError(
                f"{folder} was made with {name} {_short(before.get(name))}, not "
                f"{_short(asked.get(name))}; give the same, or another --out"
            )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:12]}…"
