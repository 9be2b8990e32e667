"""Test the script next to the model card that makes a soundfont from recorded notes."""

import numpy as np
import pretty_midi
import pytest

from tests.scripts import load_script
from tfaudiogan.audio.files import write_audio
from tfaudiogan.errors import InputError
from tfaudiogan.making.soundfonts import read_presets
from tfaudiogan.making.synthesizer import GAIN, Synthesizer

RATE = 22_050


@pytest.fixture(scope="module")
def script():
    return load_script("soundfont")


def test_names_of_notes(script):
    names = ["C4.mp3", "A4v10.ogg", "F#3.wav", "Fs3.wav", "Bb-1.wav", "MF F#3.flac", "Close 54.wav"]
    assert [script.key_of(name) for name in names] == [60, 69, 54, 54, 10, 54, 54]
    for name in ("drum.wav", "Close 128.wav"):
        with pytest.raises(InputError, match="does not begin or end with a note"):
            script.key_of(name)


def test_notes_of_a_pattern_and_of_an_sfz_file(script, tmp_path):
    for name in ("soft C4.wav", "soft C5.wav", "loud C4.wav", "loud noise.wav"):
        write_audio(tmp_path / "samples" / name, np.ones(1000, np.float32), RATE)
    notes = script.read_notes(tmp_path / "samples" / "soft *.wav", 12)
    assert [note.key for note in notes] == [72, 84]
    (tmp_path / "grand.sfz").write_text(
        "<group> volume=1\n<region> sample=samples/soft C5.wav lokey=70 pitch_keycenter=72 tune=3\n"
        "<region> lokey=1 pitch_keycenter=60 sample=samples\\loud C4.wav\n<region> sample=*sine\n"
    )
    assert [note.key for note in script.read_notes(tmp_path / "grand.sfz")] == [60, 72]


def test_every_key_plays_the_closest_note_at_its_pitch(script, tmp_path, capfd):
    time = np.arange(2 * RATE) / RATE
    for name, hertz, amplitude in (("A3", 220.0, 0.2), ("A4", 440.0, 0.4)):
        audio = amplitude * np.sin(2 * np.pi * hertz * time)
        write_audio(tmp_path / "notes" / f"{name}.wav", audio, RATE)
    path = tmp_path / "notes.sf2"
    path.write_bytes(script.soundfont({7: script.read_notes(tmp_path / "notes")}))
    assert read_presets(path) == {(0, 7)}
    synthesizer = Synthesizer(path, RATE, GAIN)
    levels = {}
    for key in (55, 57, 62, 64, 69, 71):
        part = pretty_midi.Instrument(7)
        part.notes = [pretty_midi.Note(100, key, 0.0, 1.0)]
        audio = synthesizer.play([part], RATE)
        spectrum = np.abs(np.fft.rfft(audio * np.hanning(RATE)))
        assert int(spectrum.argmax()) == pytest.approx(440 * 2 ** ((key - 69) / 12), abs=1)
        levels[key] = np.sqrt(np.mean(audio**2))
    # 63 is the middle; a note keeps its level, and A4 was recorded 6 dB louder than A3.
    for key in (55, 62):
        assert levels[key] == pytest.approx(levels[57], rel=0.1)
    for key in (64, 71):
        assert levels[key] == pytest.approx(levels[69], rel=0.1)
    assert levels[69] == pytest.approx(2 * levels[57], rel=0.1)
    with pytest.raises(InputError, match="has no program 8"):
        synthesizer.play([pretty_midi.Instrument(8)], RATE)
    assert capfd.readouterr() == ("", ""), "FluidSynth misses program 0 of each channel"


def test_a_folder_without_recordings_is_named(script, tmp_path):
    with pytest.raises(InputError, match="holds no recordings"):
        script.read_notes(tmp_path)
