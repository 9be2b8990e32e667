"""Where crops start, in integers alone: the same ones whatever reads the samples.

``Starts`` numbers the places where a crop may start; ``splitmix64`` draws numbers at random and
``spread`` evenly. Both are functions of an index and nothing else, so that a stream of crops can be
entered anywhere, and hold only operators that NumPy arrays and TensorFlow tensors share.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfaudiogan.corpus.manifest import Pair


@dataclass(frozen=True, eq=False)
class Starts:
    """Numbered places where a crop may start, range after range.

    Number ``n`` lies in the first range ``r`` with ``n < ends[r]``, and is sample
    ``origins[r] + step * n`` of track ``tracks[r]``. The arrays are int64, ``(ranges,)``.

    Example: with ranges ``[(0, 100, 3), (1, 7, 2)]`` of (track, first start, count) and a step of
    10, numbers 0 to 4 are samples 100, 110, 120 of track 0 and samples 7, 17 of track 1.
    """

    tracks: np.ndarray
    origins: np.ndarray
    ends: np.ndarray
    step: int

    @classmethod
    def of_ranges(cls, ranges: Iterable[tuple[int, int, int]], step: int = 1) -> "Starts":
        """Number ranges of (track, first start, count); a count of 0 or less is an empty range."""
        kept = [entry for entry in ranges if entry[2] > 0]
        tracks, firsts, counts = np.array(kept, np.int64).reshape(-1, 3).T
        ends = np.cumsum(counts)
        return cls(tracks, firsts - step * (ends - counts), ends, step)

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def locate(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Track and first sample of each number, int64 of the shape of ``numbers``."""
        ranges = np.searchsorted(self.ends, numbers, side="right")
        return self.tracks[ranges], self.origins[ranges] + self.step * numbers


def sounding_starts(pairs: Sequence[Pair], window: int) -> Starts:
    """Every start whose crop lies in its track and has its centre where the pair sounds.

    The centre is sample ``start + window // 2``.
    """
    ranges = []
    for track, pair in enumerate(pairs):
        last = pair.samples - window
        for begin, end in pair.sounding:
            first = max(begin - window // 2, 0)
            ranges.append((track, first, min(end - 1 - window // 2, last) - first + 1))
    return Starts.of_ranges(ranges)


def grid_starts(pairs: Sequence[Pair], window: int, hop: int) -> Starts:
    """Starts at 0, ``hop``, 2 ``hop`` ... of each track, as long as the crop lies in it."""
    return Starts.of_ranges(
        ((track, 0, (pair.samples - window) // hop + 1) for track, pair in enumerate(pairs)), hop
    )


def splitmix64(seed: int, index: Any, right_shift: Callable = np.right_shift) -> Any:
    """Random 64-bit number ``index`` of the stream of ``seed``.

    SplitMix64 of Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014,
    whose state advances by a constant, so that any of its numbers is had without those before.

    Args:
        seed: taken modulo 2**64.
        index: uint64 array or tensor, not a scalar of NumPy's (those warn as they wrap around).
        right_shift: ``tf.bitwise.right_shift`` for a tensor.

    Returns:
        uint64 of the shape of ``index``.
    """
    mixed = (index + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed % 2**64)
    mixed = (mixed ^ right_shift(mixed, np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ right_shift(mixed, np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ right_shift(mixed, np.uint64(31))


def spread(index: Any, count: int, total: int) -> Any:
    """Number ``index`` of ``count`` that are spread evenly over ``range(total)``.

    Each is the middle of its share: 0, 1 and 2 of 3 over 12 are 2, 6 and 10; all of 12 over 12 are
    themselves.
    """
    return (2 * index + 1) * total // (2 * count)
