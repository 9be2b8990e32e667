"""MIDI files that several tests share."""

from pathlib import Path

import numpy as np
import pretty_midi

SOUNDFONT = Path(pretty_midi.__file__).with_name("TimGM6mb.sf2")


def write_pieces(folder: Path, count: int = 8, seconds: float = 12.0) -> Path:
    """Write piano pieces of random notes with pedal as ``0.mid`` and so on; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rng = np.random.default_rng(number)
        piano = pretty_midi.Instrument(0)
        for start in np.arange(0.0, seconds, 0.25):
            pitch, velocity = int(rng.integers(36, 90)), int(rng.integers(40, 110))
            piano.notes.append(pretty_midi.Note(velocity, pitch, start, start + 0.4))
        piano.control_changes = [
            pretty_midi.ControlChange(64, 127 * (step % 2), float(step))
            for step in range(int(seconds))
        ]
        midi = pretty_midi.PrettyMIDI()
        midi.instruments = [piano]
        midi.write(str(folder / f"{number}.mid"))
    return folder
