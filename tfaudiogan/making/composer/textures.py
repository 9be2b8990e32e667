"""Textures: how the hands accompany a melody."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tfaudiogan.making.composer.harmony import Chord, ladder
from tfaudiogan.making.composer.performance import Tone


class Hands:
    """Pitches of the accompaniment, which move as little as possible from chord to chord."""

    def __init__(self) -> None:
        self.chord = Chord((), ())
        self.bass = 43
        self.voicing = [55, 60, 64]

    def move_to(self, chord: Chord) -> None:
        """Choose the new chord's bass, which is its root or rarely its third, and its voicing."""
        self.chord = chord
        root = chord.tones[0]
        self.bass = min(
            ladder(chord.tones[:2], 33, 50),
            key=lambda pitch: abs(pitch - self.bass) + (0 if pitch % 12 == root else 4),
        )
        rungs = ladder(chord.tones, 51, 71)
        voicings = [rungs[i : i + 3] for i in range(len(rungs) - 2)]
        self.voicing = min(
            voicings,
            key=lambda new: sum(abs(a - b) for a, b in zip(new, self.voicing, strict=True)),
        )


_Accompaniment = Callable[[Hands, float, int], list[Tone]]
"""A function that returns the tones for one chord.

Its arguments are the hands, the length in beats, and the number of parts of a beat.
"""


def _hymn(hands: Hands, beats: float, division: int) -> list[Tone]:
    tones = [Tone(0, beats, pitch, "bass") for pitch in (hands.bass, hands.bass - 12)]
    for start in np.arange(0, beats, 2):
        length = min(2, beats - start)
        tones += [Tone(start, length, pitch, "inner") for pitch in hands.voicing]
    return tones


def _waltz(hands: Hands, beats: float, division: int) -> list[Tone]:
    offbeats = [
        Tone(start, 0.6, p, "inner") for start in range(1, round(beats)) for p in hands.voicing
    ]
    return [Tone(0, 1, hands.bass, "bass"), *offbeats]


def _march(hands: Hands, beats: float, division: int) -> list[Tone]:
    offbeat = 2 / 3 if division == 3 else 0.5
    tones = []
    for beat in range(round(beats)):
        tones.append(Tone(beat, offbeat, hands.bass - 12 * (beat % 2), "bass"))
        tones += [Tone(beat + offbeat, 0.3, pitch, "inner") for pitch in hands.voicing]
    return tones


def _figure(pitches: Sequence[int], beats: float, division: int) -> list[Tone]:
    """Repeat the pitches one after the other."""
    return [
        Tone(index / division, 1 / division, pitches[index % len(pitches)], "inner")
        for index in range(round(beats * division))
    ]


def _wave(rungs: Sequence[int], count: int) -> list[int]:
    """Go up the rungs and down again, within at most ``count`` notes."""
    top = min(count // 2, len(rungs) - 1)
    return [*rungs[: top + 1], *rungs[top - 1 : 0 : -1]]


def _sonatina(hands: Hands, beats: float, division: int) -> list[Tone]:
    low, middle, high = hands.voicing
    return _figure(
        [low, middle, high] if division == 3 else [low, high, middle, high], beats, division
    )


def _nocturne(hands: Hands, beats: float, division: int) -> list[Tone]:
    count = round(beats * division)
    rungs = [hands.bass, *ladder(hands.chord.tones, hands.bass + 6, hands.bass + 26)]
    _, *figure = _figure(_wave(rungs, count), beats, division)
    return [Tone(0, beats, hands.bass, "bass"), *figure]


def _etude(hands: Hands, beats: float, division: int) -> list[Tone]:
    rungs = ladder(hands.chord.tones, 64, 100)
    bass = [Tone(0, beats, pitch, "bass") for pitch in (hands.bass, hands.bass - 12)]
    return bass + _figure(_wave(rungs, round(beats * division * 2)), beats, division * 2)


@dataclass(frozen=True)
class Texture:
    """How the hands play a section.

    Attributes:
        accompany: plays the accompaniment.
        melody: pitch around which the melody moves.
        octaves: whether the melody is doubled an octave above.
        pedal: whether the sustain pedal is used.
    """

    accompany: _Accompaniment
    melody: int
    octaves: bool = False
    pedal: bool = True


TEXTURES = (
    Texture(_hymn, 73, octaves=True),
    Texture(_waltz, 82),
    Texture(_march, 74, octaves=True, pedal=False),
    Texture(_sonatina, 77),
    Texture(_nocturne, 78),
    Texture(_nocturne, 72, octaves=True),
    Texture(_etude, 57),
)
