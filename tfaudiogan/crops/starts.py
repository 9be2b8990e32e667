"""Start positions of crops, in integer arithmetic that is the same for every kind of data set.

``Starts`` numbers the positions where a crop may start. ``splitmix64`` draws such numbers randomly,
and ``spread`` spreads them evenly. Both depend only on an index, so that a stream of crops can
begin anywhere, and use only operators that NumPy arrays and TensorFlow tensors share.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfaudiogan.corpus.manifest import Pair


@dataclass(frozen=True, eq=False)
class Starts:
    """Numbered positions where a crop may start, range after range.

    Number ``n`` is in the first range ``r`` with ``n < ends[r]``, and stands for sample
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
        """Number the starts of ranges (track, first start, count); a count below 1 is empty."""
        kept = [entry for entry in ranges if entry[2] > 0]
        tracks, firsts, counts = np.array(kept, np.int64).reshape(-1, 3).T
        ends = np.cumsum(counts)
        return cls(tracks, firsts - step * (ends - counts), ends, step)

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def locate(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the track and the first sample of each number, int64 of the same shape."""
        ranges = np.searchsorted(self.ends, numbers, side="right")
        return self.tracks[ranges], self.origins[ranges] + self.step * numbers


def sounding_starts(pairs: Sequence[Pair], window: int) -> Starts:
    """Return all starts of crops within a track whose middle is in a sounding range of the pair.

    The middle is sample ``start + window // 2``.
    """
    ranges = []
    for track, pair in enumerate(pairs):
        last = pair.samples - window
        for begin, end in pair.sounding:
            first = max(begin - window // 2, 0)
            ranges.append((track, first, min(end - 1 - window // 2, last) - first + 1))
    return Starts.of_ranges(ranges)


def grid_starts(pairs: Sequence[Pair], window: int, hop: int) -> Starts:
    """Return the starts 0, ``hop``, 2 ``hop`` ... of each track, as long as the crop fits."""
    return Starts.of_ranges(
        ((track, 0, (pair.samples - window) // hop + 1) for track, pair in enumerate(pairs)), hop
    )


def splitmix64(seed: int, index: Any, right_shift: Callable = np.right_shift) -> Any:
    """Return the random 64-bit number at ``index`` in the stream of ``seed``.

    The generator is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
    generators", 2014). Its state advances by a constant, so that any number can be computed without
    those before it.

    Args:
        seed: any integer, taken modulo 2**64.
        index: uint64 array or tensor, but not a NumPy scalar, which warns of overflow.
        right_shift: for a tensor, ``tf.bitwise.right_shift``.

    Returns:
        uint64 of the shape of ``index``.
    """
    mixed = (index + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed % 2**64)
    mixed = (mixed ^ right_shift(mixed, np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ right_shift(mixed, np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ right_shift(mixed, np.uint64(31))


def spread(index: Any, count: int, total: int) -> Any:
    """Return number ``index`` of ``count`` numbers spread evenly over ``range(total)``.

    Each number is the middle of its share of the range. Example: with a count of 3 and a total of
    12, the numbers are 2, 6 and 10.
    """
    return (2 * index + 1) * total // (2 * count)
