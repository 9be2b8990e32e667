"""A MIDI performance in arrays, of which excerpts are cut."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pretty_midi

from tfaudiogan.making.midi import read_midi

LEAD_S = 2.0
"""An excerpt's music begins so much earlier, so that its beginning is no attack of all notes."""

_SUSTAIN = 64
_PEDAL_DOWN = 64
_REMEMBERED_S = 6.0
_CELL_S = 0.25
_LOWEST_PITCH, _HIGHEST_PITCH = 21, 108
_SHORTEST_S = 0.03


@dataclass(frozen=True)
class Voice:
    """One instrument's part.

    Attributes:
        notes: ``(notes, 4)``: start and end in seconds, pitch, velocity; sorted by start.
        controls: ``(changes, 3)``: time in seconds, controller, value; sorted by time.
        bends: ``(changes, 2)``: time in seconds, pitch bend; sorted by time.
        ends: ``(notes,)``: when each note ends that the pedal may hold.
    """

    notes: np.ndarray
    controls: np.ndarray
    bends: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, instrument: pretty_midi.Instrument) -> "Voice":
        """The part of an instrument."""
        notes = _table([(n.start, n.end, n.pitch, n.velocity) for n in instrument.notes], 4)
        controls = _table([(c.time, c.number, c.value) for c in instrument.control_changes], 3)
        bends = _table([(b.time, b.pitch) for b in instrument.pitch_bends], 2)
        return cls(notes, controls, bends, _held_ends(notes, controls))


@dataclass(frozen=True)
class Performance:
    """All parts of a MIDI file but its drums, and its length in seconds."""

    voices: tuple[Voice, ...]
    seconds: float

    @classmethod
    def read(cls, path: Path | str) -> "Performance":
        """Read a file; the last ones read are kept.

        Raises:
            InputError: as ``midi.read_midi``.
        """
        return _read(Path(path))

    def start_of(self, position: float, seconds: float) -> float:
        """Where an excerpt begins that lies at a share of all places where music is played.

        Notes sound in half of such an excerpt at least, where there is any such place.

        Args:
            position: from 0 to less than 1.
            seconds: length of the excerpt, as the performance goes.
        """
        length = max(1, round(seconds / _CELL_S))
        sounding = np.zeros(max(length, int(self.seconds / _CELL_S)) + 1)
        for voice in self.voices:
            cells = (np.stack([voice.notes[:, 0], voice.ends]) / _CELL_S).astype(int)
            for first, last in cells.T:
                sounding[first : last + 1] = 1.0
        shares = np.convolve(sounding[:-1], np.full(length, 1.0 / length), "valid")
        places = np.flatnonzero(shares >= 0.5)
        if not len(places):
            places = np.arange(len(shares))
        return float(places[int(position * len(places))] * _CELL_S)

    def cut(
        self,
        start_s: float,
        seconds: float,
        *,
        tempo: float = 1.0,
        transposition: int = 0,
        velocity: float = 1.0,
    ) -> list[pretty_midi.Instrument]:
        """The events of an excerpt and of the ``LEAD_S`` before it, from time 0 on.

        What sounds at the beginning of the lead is taken along: notes whose key or pedal is still
        down, struck at most 6 s before; controllers and pitch bends at their values.

        Args:
            start_s: of the excerpt, in the performance's time.
            seconds: length of the excerpt as it will sound, without the lead.
            tempo: how much faster than the performance.
            transposition: in semitones; pitches beyond a piano's keys move by octaves.
            velocity: factor of the notes' velocities.

        Returns:
            An instrument for each voice that has notes there, of program 0.
        """
        begin = start_s - LEAD_S * tempo
        end = start_s + seconds * tempo
        instruments = []
        for voice in self.voices:
            instrument = pretty_midi.Instrument(0)
            heard = (voice.notes[:, 0] < end) & (voice.ends > begin)
            heard &= voice.notes[:, 0] > begin - _REMEMBERED_S * tempo
            for note_start, note_end, pitch, loudness in voice.notes[heard]:
                start = max(0.0, (note_start - begin) / tempo)
                stop = max(start + _SHORTEST_S, (note_end - begin) / tempo)
                struck = int(np.clip(round(loudness * velocity), 1, 127))
                moved = _on_keyboard(int(pitch) + transposition)
                instrument.notes.append(pretty_midi.Note(struck, moved, start, stop))
            if not instrument.notes:
                continue
            for number in np.unique(voice.controls[:, 1]):
                changes = voice.controls[voice.controls[:, 1] == number]
                for time, value in _from(changes[:, [0, 2]], begin, end):
                    moment = max(0.0, (time - begin) / tempo)
                    change = pretty_midi.ControlChange(int(number), int(value), moment)
                    instrument.control_changes.append(change)
            for time, bend in _from(voice.bends, begin, end):
                moment = max(0.0, (time - begin) / tempo)
                instrument.pitch_bends.append(pretty_midi.PitchBend(int(bend), moment))
            instruments.append(instrument)
        return instruments


@lru_cache(maxsize=256)
def _read(path: Path) -> Performance:
    midi = read_midi(path)
    voices = tuple(Voice.of(instrument) for instrument in midi.instruments)
    return Performance(voices, max(float(voice.notes[:, 1].max()) for voice in voices))


def _table(rows: list[tuple[float, ...]], columns: int) -> np.ndarray:
    table = np.array(rows, np.float64).reshape(-1, columns)
    return table[np.argsort(table[:, 0], kind="stable")]


def _held_ends(notes: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """When each note is damped: as its key goes up, or the pedal that is down at that time."""
    pedal = controls[controls[:, 1] == _SUSTAIN]
    if not len(pedal):
        return notes[:, 1].copy()
    times, down = pedal[:, 0], pedal[:, 2] >= _PEDAL_DOWN
    before = np.searchsorted(times, notes[:, 1], side="right") - 1
    held = (before >= 0) & down[np.maximum(before, 0)]
    ups = np.append(times[~down], np.inf)
    released = ups[np.searchsorted(ups, notes[:, 1], side="right").clip(max=len(ups) - 1)]
    longest = notes[:, 1] + _REMEMBERED_S
    return np.where(held, np.minimum(released, longest), notes[:, 1])


def _from(changes: np.ndarray, begin: float, end: float) -> np.ndarray:
    """The changes of one thing between two times, and the last one before them."""
    first = max(0, int(np.searchsorted(changes[:, 0], begin, side="right")) - 1)
    return changes[first : int(np.searchsorted(changes[:, 0], end, side="left"))]


def _on_keyboard(pitch: int) -> int:
    while pitch < _LOWEST_PITCH:
        pitch += 12
    while pitch > _HIGHEST_PITCH:
        pitch -= 12
    return pitch
