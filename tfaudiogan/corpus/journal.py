"""Rows that are to join a manifest: appended one by one, where the manifest is long."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from tfaudiogan.corpus.manifest import Pair

JOURNAL = ".manifest.journal"


def append_journal(path: Path, pairs: Iterable[Pair]) -> None:
    """Append a line of JSON for each pair."""
    lines = "".join(json.dumps(pair.to_row()) + "\n" for pair in pairs)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    with os.fdopen(descriptor, "r+b") as stream:
        if stream.seek(0, os.SEEK_END):
            stream.seek(-1, os.SEEK_END)
            if stream.read(1) != b"\n":  # a line that a killed process left unfinished
                lines = "\n" + lines
        stream.write(lines.encode())


def read_journal(path: Path) -> list[Pair]:
    """The pairs of a journal, the later ones last; lines that are not whole are left out."""
    if not path.is_file():
        return []
    pairs = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            pairs.append(Pair.from_row(json.loads(line)))
        except (AttributeError, KeyError, TypeError, ValueError):
            continue
    return pairs
