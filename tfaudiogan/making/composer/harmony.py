"""Keys, chords and their pitches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TONIC, SUPERTONIC, MEDIANT, SUBDOMINANT, DOMINANT, SUBMEDIANT = range(6)
"""Degrees of the scale on which chords are built."""

_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR = (0, 2, 3, 5, 7, 8, 10)
_HARMONIC_MINOR = (0, 2, 3, 5, 7, 8, 11)


@dataclass(frozen=True)
class Chord:
    """Pitch classes of a chord, root first, and of the scale for a melody over it."""

    tones: tuple[int, ...]
    scale: tuple[int, ...]


def ladder(classes: Sequence[int], low: int, high: int) -> list[int]:
    """Return all pitches of the given pitch classes from ``low`` to ``high``."""
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in classes]


def nearest(pitches: Sequence[int], pitch: int) -> int:
    """Return the index of the nearest pitch; of two equally near pitches, the lower."""
    return min(range(len(pitches)), key=lambda index: abs(pitches[index] - pitch))


@dataclass(frozen=True)
class Key:
    """A major or minor key; the tonic is a pitch class."""

    tonic: int
    minor: bool

    def chord(self, degree: int, seventh: bool = False) -> Chord:
        """Return the chord on a degree; the dominant of a minor key has the leading tone."""
        natural = _MINOR if self.minor else _MAJOR
        intervals = _HARMONIC_MINOR if self.minor and degree == DOMINANT else natural
        scale = tuple((self.tonic + interval) % 12 for interval in intervals)
        return Chord(
            tuple(scale[(degree + i) % 7] for i in range(0, 8 if seventh else 5, 2)), scale
        )

    def dominant_of(self, degree: int) -> Chord:
        """Return the dominant seventh chord that leads to the chord on a degree."""
        root, third, _ = self.chord(degree).tones
        return Key(root, (third - root) % 12 == 3).chord(DOMINANT, seventh=True)

    def related(self, rng: np.random.Generator) -> "Key":
        """Draw a related key: the dominant, the subdominant, the relative or the parallel key."""
        if self.minor:
            near = ((3, False), (8, False), (5, True), (0, False))
        else:
            near = ((7, False), (5, False), (9, True), (0, True))
        step, minor = near[rng.integers(len(near))]
        return Key((self.tonic + step) % 12, minor)
