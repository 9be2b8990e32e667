"""Perform a piano score with phrasing, voicing, pedal and expressive timing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pretty_midi

_LEAD_IN_SECONDS = 0.25
_SUSTAIN = 64
_VOICE_VELOCITY = {"melody": 12.0, "inner": -9.0, "bass": 1.0}
_VOICE_DELAY = {"melody": -0.012, "inner": 0.004, "bass": -0.003}
_VOICE_LENGTH = {"melody": 0.97, "inner": 0.9, "bass": 0.95}


@dataclass(frozen=True)
class Tone:
    """A note of the score: start and length in beats, MIDI pitch, and voice.

    Voices are ``"melody"``, ``"inner"`` and ``"bass"``.
    """

    start: float
    length: float
    pitch: int
    voice: str


@dataclass(frozen=True)
class Phrase:
    """A musical phrase.

    Attributes:
        start: first beat of the phrase in the score.
        beats: length of the phrase.
        bar: length of a bar, in beats.
        tempo: in beats per minute.
        level: MIDI velocity around which the phrase is played.
    """

    start: float
    beats: float
    bar: float
    tempo: float
    level: float


def perform(
    rng: np.random.Generator,
    tones: Sequence[Tone],
    phrases: Sequence[Phrase],
    pedal: Sequence[tuple[float, bool]],
    seconds: float,
) -> pretty_midi.PrettyMIDI:
    """Perform a score on a piano.

    Args:
        rng: generator of everything in which two performances of the score differ.
        tones: notes of the score, in any order.
        phrases: consecutive phrases that span the score.
        pedal: beats at which the pedal is lifted, and whether it is then pressed again.
        seconds: time at which the score ends.
    """
    clock = _clock(rng, phrases, seconds)
    starts = np.array([phrase.start for phrase in phrases])
    notes = []
    for tone in sorted(tones, key=lambda tone: (tone.start, tone.pitch)):
        phrase = phrases[int(np.searchsorted(starts, tone.start + 1e-6)) - 1]
        start = clock(tone.start) + _VOICE_DELAY[tone.voice] + rng.normal(0.0, 0.006)
        held = tone.length * _VOICE_LENGTH[tone.voice] * rng.uniform(0.92, 1.03)
        end = max(clock(tone.start + held), start + 0.04)
        velocity = _velocity(tone, phrase) + rng.normal(0.0, 3.0)
        notes.append(
            pretty_midi.Note(int(np.clip(velocity, 12, 122)), tone.pitch, max(start, 0.0), end)
        )
    piano = pretty_midi.Instrument(0, name="Piano")
    piano.notes = _without_overlaps(notes)
    piano.control_changes = _pedal_changes(rng, [(clock(beat), down) for beat, down in pedal])
    midi = pretty_midi.PrettyMIDI(resolution=480)
    midi.instruments.append(piano)
    return midi


def _clock(
    rng: np.random.Generator, phrases: Sequence[Phrase], seconds: float
) -> Callable[[float], float]:
    """Return a function from beats to seconds, with a tempo that follows the phrases and drifts.

    Phrases are faster in the middle and slow down at the end.
    """
    step = 0.25
    durations = []
    drift = 0.0
    for phrase in phrases:
        for x in np.arange(0, phrase.beats, step) / phrase.beats:
            drift = 0.92 * drift + rng.normal(0.0, 0.008)
            arch = 0.94 + 0.1 * np.sin(np.pi * x)
            lingering = 0.2 * max(0.0, (x - 0.75) / 0.25) ** 2
            if phrase is phrases[-1]:
                lingering += 0.25
            durations.append(step / (phrase.tempo * (arch - lingering) * np.exp(drift)))
    beats = np.arange(len(durations) + 1) * step
    times = np.concatenate([[0.0], np.cumsum(durations)])
    times = _LEAD_IN_SECONDS + times * (seconds - _LEAD_IN_SECONDS) / times[-1]
    return lambda beat: float(np.interp(beat, beats, times))


def _velocity(tone: Tone, phrase: Phrase) -> float:
    beat = tone.start - phrase.start
    arch = 12.0 * np.sin(np.pi * min(1.0, beat / phrase.beats))
    accent = 3.0 * (beat % 1 < 1e-6) + 4.0 * (beat % phrase.bar < 1e-6)
    brilliance = 0.12 * (tone.pitch - 60)
    return phrase.level + arch + accent + brilliance + _VOICE_VELOCITY[tone.voice]


def _without_overlaps(notes: Sequence[pretty_midi.Note]) -> list[pretty_midi.Note]:
    """Release each key before it is struck again, and merge strikes at nearly the same time."""
    played: list[pretty_midi.Note] = []
    last: dict[int, pretty_midi.Note] = {}
    for note in sorted(notes, key=lambda note: (note.start, note.pitch)):
        previous = last.get(note.pitch)
        if previous is not None and note.start - previous.start < 0.06:
            previous.velocity = max(previous.velocity, note.velocity)
            previous.end = max(previous.end, note.end)
            continue
        if previous is not None:
            previous.end = min(previous.end, note.start - 0.015)
        last[note.pitch] = note
        played.append(note)
    return played


def _pedal_changes(
    rng: np.random.Generator, pedal: Sequence[tuple[float, bool]]
) -> list[pretty_midi.ControlChange]:
    """Lift the pedal with each new harmony, and press it again just after."""
    changes = []
    for time, down in pedal:
        changes.append((0, time + 0.015))
        if down:
            depth = int(rng.integers(84, 128))
            pressed = time + rng.uniform(0.09, 0.16)
            changes += [(depth // 2, pressed - 0.03), (depth, pressed)]
    return [pretty_midi.ControlChange(_SUSTAIN, value, time) for value, time in changes]
