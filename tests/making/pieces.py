"""MIDI files to render, and the contents of a folder."""

from pathlib import Path

import pretty_midi

SOUNDFONT = Path(pretty_midi.__file__).with_name("TimGM6mb.sf2")


def write_piece(path, pitch=60, seconds=0.3):
    path.parent.mkdir(parents=True, exist_ok=True)
    piano = pretty_midi.Instrument(0)
    piano.notes = [pretty_midi.Note(80, pitch + i, i * seconds, (i + 1) * seconds) for i in (0, 4)]
    piano.control_changes = [pretty_midi.ControlChange(64, 127, 0.1)]
    midi = pretty_midi.PrettyMIDI()
    midi.instruments.append(piano)
    midi.write(str(path))


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
