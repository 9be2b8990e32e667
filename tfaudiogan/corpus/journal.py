"""A journal of new rows, which are appended one by one until they are merged into the manifest."""

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
            if stream.read(1) != b"\n":  # A killed process left an unfinished line.
                lines = "\n" + lines
        stream.write(lines.encode())


def read_journal(path: Path) -> list[Pair]:
    """Read the pairs of a journal in their order, skipping incomplete lines."""
    if not path.is_file():
        return []
    pairs = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            pairs.append(Pair.from_row(json.loads(line)))
        except (AttributeError, KeyError, TypeError, ValueError):
            continue
    return pairs
