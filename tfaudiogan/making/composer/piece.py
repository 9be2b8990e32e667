"""Composition of a piece: its form, sections and melodies.

A piece is a rondo of periods, each of two phrases of four bars, the first open, the second closed.
Each section has its own key, progression, motif and texture. When a section returns, its melody is
ornamented.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pretty_midi

from tfaudiogan.making.composer.harmony import (
    DOMINANT,
    MEDIANT,
    SUBDOMINANT,
    SUBMEDIANT,
    SUPERTONIC,
    TONIC,
    Chord,
    Key,
    ladder,
    nearest,
)
from tfaudiogan.making.composer.performance import Phrase, Tone, perform
from tfaudiogan.making.composer.textures import TEXTURES, Hands, Texture

MIN_SECONDS = 10.0

_BARS = 4
_RONDO = "AABBAACC"
_SECOND_CHORDS = (SUPERTONIC, MEDIANT, SUBDOMINANT, SUBDOMINANT, DOMINANT, SUBMEDIANT, SUBMEDIANT)
_METERS = ((4, 2), (4, 2), (3, 2), (2, 3), (4, 3))
"""Beats in a bar, and parts in a beat."""
_CELLS = {
    2: (
        *[(1.0,)] * 4,
        *[(0.5, 0.5)] * 3,
        *[(1.5, 0.5)] * 3,
        *[(2.0,)] * 2,
        (0.75, 0.25),
        (0.5, 0.25, 0.25),
        (0.25, 0.25, 0.5),
    ),
    3: (*[(1.0,)] * 3, *[(2 / 3, 1 / 3)] * 4, (1 / 3, 1 / 3, 1 / 3), (2.0,), (5 / 3, 1 / 3)),
}
"""Rhythms that fill one or two beats, for each division of the beat; common ones are repeated."""


@dataclass(frozen=True)
class _Section:
    """What all occurrences of a section share; ``seed`` determines its motif."""

    key: Key
    texture: Texture
    second_chord: Chord
    division: int
    tempo: float
    level: float
    seed: int


def compose(seed: int, seconds: float) -> pretty_midi.PrettyMIDI:
    """Compose and perform a piece for piano, with sustain pedal (controller 64).

    Args:
        seed: random seed, 0 or more; the same seed and length give the same piece.
        seconds: length of the piece.

    Raises:
        ValueError: if the seed is negative, or ``seconds`` is less than ``MIN_SECONDS``.
    """
    if seed < 0:
        raise ValueError(f"seed is {seed}; expected 0 or more")
    if not MIN_SECONDS <= seconds < math.inf:
        raise ValueError(f"seconds is {seconds}; expected {MIN_SECONDS:g} or more")
    rng = np.random.default_rng(seed)
    bar, division = _METERS[rng.integers(len(_METERS))]
    tempo = rng.uniform(72, 112) if division == 2 else rng.uniform(56, 84)
    length = _BARS * bar
    count = max(1, round((seconds * tempo / 60 - bar) / length))
    home = Key(int(rng.integers(12)), bool(rng.random() < 0.5))
    hands = Hands()
    sections: dict[str, _Section] = {}
    tones: list[Tone] = []
    phrases: list[Phrase] = []
    pedal: list[tuple[float, bool]] = []
    for index in range(count):
        last = index == count - 1
        letter = "A" if last else _RONDO[index % len(_RONDO)]
        returns = letter in sections and index > 1
        if letter not in sections:
            sections[letter] = _draw_section(rng, home, sections, division, tempo)
        section = sections[letter]
        start = index * length
        closed = last or index % 2 == 1
        harmony = _harmony(rng, section, bar, closed)
        melody = _melody(section, harmony, bar, division, closed)
        if returns:
            melody = _ornament(rng, melody, section)
        if closed and rng.random() < 0.4:
            melody += _run(rng, melody[-1], section, bar)
        if section.texture.octaves:
            melody += [dataclasses.replace(tone, pitch=tone.pitch + 12) for tone in melody]
        written = melody + _accompaniment(hands, section, harmony)
        tones += [dataclasses.replace(tone, start=tone.start + start) for tone in written]
        pedal += [(start + beat, section.texture.pedal) for beat, _, _ in harmony]
        phrases.append(Phrase(start, length, bar, section.tempo, section.level))
    end = count * length
    hands.move_to(home.chord(TONIC))
    tones += _last_chord(hands, end, bar)
    pedal += [(end, True), (end + bar, False)]
    phrases.append(Phrase(end, bar, bar, phrases[-1].tempo * 0.8, phrases[-1].level))
    return perform(rng, tones, phrases, pedal, seconds)


def _draw_section(
    rng: np.random.Generator,
    home: Key,
    others: Mapping[str, _Section],
    division: int,
    tempo: float,
) -> _Section:
    key = home.related(rng) if others else home
    unused = [t for t in TEXTURES if all(t != section.texture for section in others.values())]
    degree = _SECOND_CHORDS[rng.integers(len(_SECOND_CHORDS))]
    applied = degree in (SUPERTONIC, SUBDOMINANT, DOMINANT) and not key.minor and rng.random() < 0.3
    return _Section(
        key=key,
        texture=unused[rng.integers(len(unused))],
        second_chord=key.dominant_of(degree) if applied else key.chord(degree),
        division=4 if division == 2 and tempo < 92 and rng.random() < 0.4 else division,
        tempo=tempo * float(rng.uniform(0.9, 1.12)),
        level=float(rng.uniform(46, 86)),
        seed=int(rng.integers(2**32)),
    )


_Harmony = list[tuple[float, float, Chord]]
"""Start and length, in beats, and chord of each harmony."""


def _harmony(rng: np.random.Generator, section: _Section, bar: int, closed: bool) -> _Harmony:
    """Return four bars: tonic, the section's second chord, and a full or a half cadence."""
    key = section.key
    predominants = (
        key.chord(SUPERTONIC, seventh=True),
        key.chord(SUBDOMINANT),
        key.chord(SUPERTONIC),
        key.chord(SUBMEDIANT),
    )
    preparation = predominants[rng.integers(len(predominants))]
    opening = [(0, bar, key.chord(TONIC)), (bar, bar, section.second_chord)]
    if not closed:
        return [*opening, (2 * bar, bar, preparation), (3 * bar, bar, key.chord(DOMINANT))]
    half = math.ceil(bar / 2)
    return [
        *opening,
        (2 * bar, half, preparation),
        (2 * bar + half, bar - half, key.chord(DOMINANT, seventh=True)),
        (3 * bar, bar, key.chord(TONIC)),
    ]


def _chord_at(harmony: _Harmony, beat: float) -> Chord:
    return next(chord for start, beats, chord in harmony if beat < start + beats)


def _melody(
    section: _Section, harmony: _Harmony, bar: int, division: int, closed: bool
) -> list[Tone]:
    """Return a motif, its repetition on the next chord, an answer, and a long note.

    Notes on a beat are chord tones; notes between the beats are steps of the scale.
    """
    rng = np.random.default_rng(section.seed)
    cells = [
        (_rhythm(rng, bar, division), rng.choice([-2, -1, -1, 1, 1, 2], 4 * bar)) for _ in "ab"
    ]
    center = section.texture.melody
    pitch = center + int(rng.integers(-4, 5))
    tones = []
    for index, (rhythm, contour) in enumerate((cells[0], cells[0], cells[1])):
        start = float(index * bar)
        for length, step in zip(rhythm, contour, strict=False):
            chord = _chord_at(harmony, start + 1e-6)
            if abs(pitch - center) > 7:
                step = -np.sign(pitch - center)
            scale = ladder(chord.scale, center - 14, center + 14)
            pitch = scale[nearest(scale, pitch) + step]
            if (start + 1e-6) % 1 < 1e-3:
                chord_tones = ladder(chord.tones, center - 14, center + 14)
                pitch = chord_tones[nearest(chord_tones, pitch)]
            tones.append(Tone(start, length, pitch, "melody"))
            start += length
    goal = _chord_at(harmony, 3 * bar)
    endings = ladder(goal.tones[:1] if closed else goal.tones, center - 14, center + 14)
    tones.append(Tone(3 * bar, 0.75 * bar, endings[nearest(endings, pitch)], "melody"))
    return tones


def _rhythm(rng: np.random.Generator, bar: int, division: int) -> list[float]:
    lengths: list[float] = []
    while (remaining := bar - round(sum(lengths))) > 0:
        cells = [cell for cell in _CELLS[division] if sum(cell) <= remaining + 1e-6]
        lengths += cells[rng.integers(len(cells))]
    return lengths


def _ornament(rng: np.random.Generator, melody: Sequence[Tone], section: _Section) -> list[Tone]:
    """Ornament some long notes with the next note of the scale above."""
    ornamented = []
    for tone in melody:
        if tone.length < 1 or rng.random() < 0.5:
            ornamented.append(tone)
            continue
        scale = ladder(section.key.chord(TONIC).scale, tone.pitch + 1, tone.pitch + 3)
        start = tone.start
        for share, pitch in ((0.5, tone.pitch), (0.25, scale[0]), (0.25, tone.pitch)):
            ornamented.append(Tone(start, share * tone.length, pitch, "melody"))
            start += share * tone.length
    return ornamented


def _run(rng: np.random.Generator, last: Tone, section: _Section, bar: int) -> list[Tone]:
    """Return a scale that fills the last half bar of a phrase, up or down from its last note."""
    up = last.pitch < 84 and rng.random() < 0.6
    low, high = (last.pitch + 1, 94) if up else (max(28, last.pitch - 40), last.pitch - 1)
    scale = ladder(section.key.chord(TONIC).scale, low, high)[:: 1 if up else -1]
    count = min(len(scale), 2 * bar + 4)
    length = 0.5 * bar / count
    return [Tone(3.5 * bar + i * length, length, scale[i], "melody") for i in range(count)]


def _accompaniment(hands: Hands, section: _Section, harmony: _Harmony) -> list[Tone]:
    tones = []
    for start, beats, chord in harmony:
        hands.move_to(chord)
        for tone in section.texture.accompany(hands, beats, section.division):
            tones.append(dataclasses.replace(tone, start=tone.start + start))
    return tones


def _last_chord(hands: Hands, start: float, beats: float) -> list[Tone]:
    """Return the last chord, rolled from the bottom to the top."""
    root = hands.chord.tones[0]
    low = ladder([root], 24, 47)
    pitches = [*low, *hands.voicing, *ladder(hands.chord.tones, 72, 84)]
    return [
        Tone(
            start + 0.07 * i, beats - 0.07 * i, pitch, "melody" if i == len(pitches) - 1 else "bass"
        )
        for i, pitch in enumerate(pitches)
    ]
