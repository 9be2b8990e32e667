"""What a folder was made of, so that nothing else is mixed into it.

Run folders, experiments and searches all note what must not change between two starts in a JSON
file, and compare a new start with it.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfaudiogan.errors import InputError
from tfaudiogan.storage import write_text

_SHOWN = 40


def settle(path: Path, made_of: Mapping[str, Any], advice: str) -> None:
    """Note what a folder is made of, or check that it holds the very same.

    Args:
        path: of the JSON file in the folder, which is made where it is missing.
        made_of: JSON-able values by name, nested or not.
        advice: what to do where they differ, as the end of a sentence.

    Raises:
        InputError: when the folder was made of something else; the first difference is named.
    """
    now = json.loads(json.dumps(made_of))
    if path.is_file():
        check_same(path.parent, read_json(path), now, advice)
    else:
        write_text(path, json.dumps(now, indent=2) + "\n")


def check_same(
    folder: Path, before: Mapping[str, Any], now: Mapping[str, Any], advice: str
) -> None:
    """Raise InputError naming both values of the first difference, and how many there are."""
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
    """As ``check_same``, of the values that are given alone; one that is ``None`` is not."""
    asked = {name: value for name, value in flatten(given) if value is not None}
    known = dict(flatten(before))
    check_same(folder, {name: known.get(name) for name in asked}, asked, advice)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: when the file holds no such thing.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}); give another folder") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} is damaged (it holds no JSON object); give another folder")
    return values


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested mappings, each under its dotted name."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
