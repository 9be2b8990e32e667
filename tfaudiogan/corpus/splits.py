"""The splits of a corpus: train, validation and test."""

import hashlib
from collections.abc import Iterable

SPLITS = ("train", "validation", "test")
_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def assign_splits(pieces: Iterable[str]) -> dict[str, str]:
    """Assign each piece to a split by a stable hash of its name, in shares of 80 / 10 / 10 %.

    All tracks of a piece are in the same split. If a split would be empty, it gets the piece whose
    hash is nearest to the split's range, so three pieces are enough.
    """
    position = {
        piece: int.from_bytes(hashlib.sha256(piece.encode()).digest()[:8]) / 2**64
        for piece in pieces
    }
    bounds, low = {}, 0.0
    for split in SPLITS:
        bounds[split] = (low, low + _SHARES[split])
        low += _SHARES[split]
    splits = {}
    for piece, value in position.items():
        splits[piece] = next((s for s in SPLITS if value < bounds[s][1]), SPLITS[-1])
    for split in SPLITS[::-1]:
        counts = {s: list(splits.values()).count(s) for s in SPLITS}
        movable = [piece for piece in splits if counts[splits[piece]] > 1]
        if not counts[split] and movable:
            center = sum(bounds[split]) / 2
            splits[min(movable, key=lambda p: (abs(position[p] - center), p))] = split
    return splits
