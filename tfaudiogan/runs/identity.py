"""Checks that a folder is continued with the settings that it was made with.

Runs, experiments and searches record the settings that must not change in a JSON file of their
folder. A later start is compared with it.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfaudiogan.errors import InputError
from tfaudiogan.storage import write_text

_SHOWN = 40


def settle(path: Path, settings: Mapping[str, Any], advice: str) -> None:
    """Record the settings of a folder, or check that they equal the recorded ones.

    Args:
        path: Path of the JSON file in the folder. It is created if it is missing.
        settings: JSON-serializable values by name, which may be nested.
        advice: What to do if the settings differ; the end of the error message.

    Raises:
        InputError: If the settings differ. The message names the first difference.
    """
    now = json.loads(json.dumps(settings))
    if path.is_file():
        check_same(path.parent, read_json(path), now, advice)
    else:
        write_text(path, json.dumps(now, indent=2) + "\n")


def check_same(
    folder: Path, before: Mapping[str, Any], now: Mapping[str, Any], advice: str
) -> None:
    """Raise InputError if settings differ; it shows both values of the first difference."""
    flat_before, flat_now = dict(flatten(before)), dict(flatten(now))
    names = flat_before | flat_now
    changed = [name for name in names if flat_before.get(name) != flat_now.get(name)]
    if changed:
        name = changed[0]
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise InputError(
            f"{folder} was made with {name} {_shown(flat_before.get(name))}, not "
            f"{_shown(flat_now.get(name))}{more}; {advice}"
        )


def check_given(
    folder: Path, before: Mapping[str, Any], given: Mapping[str, Any], advice: str
) -> None:
    """Compare only the given settings, as ``check_same`` does. ``None`` means not given."""
    flat_given = {name: value for name, value in flatten(given) if value is not None}
    flat_before = dict(flatten(before))
    compared = {name: flat_before.get(name) for name in flat_given}
    check_same(folder, compared, flat_given, advice)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: If the file does not hold a JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}); give another folder") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} is damaged (it is not a JSON object); give another folder")
    return values


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings, each with its dotted name."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
