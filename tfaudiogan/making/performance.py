"""A MIDI performance as arrays, from which excerpts are cut."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pretty_midi

from tfaudiogan.making.midi import read_midi

LEAD_S = 2.0
"""Music that is played before an excerpt begins, so that not all notes are struck at its start."""

_SUSTAIN = 64
_PEDAL_DOWN = 64
_REMEMBERED_S = 6.0
_CELL_S = 0.25
_LOWEST_PITCH, _HIGHEST_PITCH = 21, 108
_SHORTEST_S = 0.03


@dataclass(frozen=True)
class Voice:
    """The part of one instrument.

    Attributes:
        notes: ``(notes, 4)``: start and end in seconds, pitch, velocity; sorted by start.
        controls: ``(changes, 3)``: time in seconds, controller, value; sorted by time.
        bends: ``(changes, 2)``: time in seconds, pitch bend; sorted by time.
        ends: ``(notes,)``: time in seconds at which each note ends, including the sustain pedal.
    """

    notes: np.ndarray
    controls: np.ndarray
    bends: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, instrument: pretty_midi.Instrument) -> "Voice":
        """Return the part of an instrument."""
        notes = _table([(n.start, n.end, n.pitch, n.velocity) for n in instrument.notes], 4)
        controls = _table([(c.time, c.number, c.value) for c in instrument.control_changes], 3)
        bends = _table([(b.time, b.pitch) for b in instrument.pitch_bends], 2)
        return cls(notes, controls, bends, _held_ends(notes, controls))


@dataclass(frozen=True)
class Performance:
    """All parts of a MIDI file except drums, and its length in seconds."""

    voices: tuple[Voice, ...]
    seconds: float

    @classmethod
    def read(cls, path: Path | str) -> "Performance":
        """Read a file; recently read files are cached.

        Raises:
            InputError: as for ``midi.read_midi``.
        """
        return _read(Path(path))

    def start_of(self, position: float, seconds: float) -> float:
        """Return the start, in seconds, of an excerpt at a relative position in the performance.

        The position is relative to all starts of excerpts in which notes sound for at least half of
        the time; if there is none, it is relative to all starts.

        Args:
            position: from 0 to less than 1.
            seconds: length of the excerpt at the performance's tempo.
        """
        length = max(1, round(seconds / _CELL_S))
        sounding = np.zeros(max(length, int(self.seconds / _CELL_S)) + 1)
        for voice in self.voices:
            cells = (np.stack([voice.notes[:, 0], voice.ends]) / _CELL_S).astype(int)
            for first, last in cells.T:
                sounding[first : last + 1] = 1.0
        shares = np.convolve(sounding[:-1], np.full(length, 1.0 / length), "valid")
        starts = np.flatnonzero(shares >= 0.5)
        if not len(starts):
            starts = np.arange(len(shares))
        return float(starts[int(position * len(starts))] * _CELL_S)

    def cut(
        self,
        start_s: float,
        seconds: float,
        *,
        tempo: float = 1.0,
        transposition: int = 0,
        velocity: float = 1.0,
    ) -> list[pretty_midi.Instrument]:
        """Return the events of an excerpt and of ``LEAD_S`` before it, starting at time 0.

        They include what sounds at the beginning of the lead: notes that are held by their key or
        the pedal and were struck at most 6 s before, and the values of controllers and pitch bends.

        Args:
            start_s: start of the excerpt, in the performance's time.
            seconds: length of the excerpt as played, without the lead.
            tempo: tempo relative to the performance.
            transposition: in semitones; pitches outside a piano's range move by octaves.
            velocity: factor of the notes' velocities.

        Returns:
            An instrument of program 0 for each voice that has notes in the excerpt.
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
                for time, value in _changes_between(changes[:, [0, 2]], begin, end):
                    moment = max(0.0, (time - begin) / tempo)
                    change = pretty_midi.ControlChange(int(number), int(value), moment)
                    instrument.control_changes.append(change)
            for time, bend in _changes_between(voice.bends, begin, end):
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
    """Return when each note is damped: when its key is released, or later, the pedal."""
    pedal = controls[controls[:, 1] == _SUSTAIN]
    if not len(pedal):
        return notes[:, 1].copy()
    times, down = pedal[:, 0], pedal[:, 2] >= _PEDAL_DOWN
    last_change = np.searchsorted(times, notes[:, 1], side="right") - 1
    held = (last_change >= 0) & down[np.maximum(last_change, 0)]
    ups = np.append(times[~down], np.inf)
    released = ups[np.searchsorted(ups, notes[:, 1], side="right").clip(max=len(ups) - 1)]
    longest = notes[:, 1] + _REMEMBERED_S
    return np.where(held, np.minimum(released, longest), notes[:, 1])


def _changes_between(changes: np.ndarray, begin: float, end: float) -> np.ndarray:
    """Return the changes between two times, and the last change before them."""
    first = max(0, int(np.searchsorted(changes[:, 0], begin, side="right")) - 1)
    return changes[first : int(np.searchsorted(changes[:, 0], end, side="left"))]


def _on_keyboard(pitch: int) -> int:
    while pitch < _LOWEST_PITCH:
        pitch += 12
    while pitch > _HIGHEST_PITCH:
        pitch -= 12
    return pitch
