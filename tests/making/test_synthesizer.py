import numpy as np
import pretty_midi
import pytest

from tests.making.midi_files import SOUNDFONT
from tfaudiogan.errors import InputError
from tfaudiogan.making.synthesis import synthesize
from tfaudiogan.making.synthesizer import Synthesizer

RATE = 16000


def music(program, seed=0, is_drum=False):
    """Notes that still sound at the end, under a pedal that stays down."""
    rng = np.random.default_rng([seed, program])
    part = pretty_midi.Instrument(program, is_drum)
    for start in np.arange(0.0, 1.0, 0.05):
        pitch, velocity = int(rng.integers(36, 80)), int(rng.integers(30, 120))
        part.notes.append(pretty_midi.Note(velocity, pitch, start, start + 0.3))
    part.control_changes = [pretty_midi.ControlChange(64, 127, 0.1)]
    part.pitch_bends = [pretty_midi.PitchBend(int(rng.integers(-8192, 8191)), 0.5)]
    return part


@pytest.fixture
def synthesizer():
    made = Synthesizer(SOUNDFONT, RATE)
    yield made
    made.close()


def test_earlier_notes_leave_no_trace(synthesizer):
    programs = [0, 19, 48, 0, 73, 4, 48, 0]
    for number, program in enumerate(programs):
        parts = [music(program), music((program + 9) % 60)][: 1 + number % 2]
        samples = 12345 + 777 * number
        heard = synthesizer.play(parts, samples)
        midi = pretty_midi.PrettyMIDI()
        midi.instruments = parts
        fresh = synthesize(midi, soundfont=SOUNDFONT, sample_rate=RATE, samples=samples)
        assert heard.tobytes() == fresh.tobytes()
        assert np.abs(heard).max() > 0.01


def test_silence_after_music_is_silent(synthesizer):
    synthesizer.play([music(19)], RATE)
    assert not synthesizer.play([], RATE).any()


def test_drums_are_played_on_request(synthesizer):
    heard = synthesizer.play([music(0), music(0, is_drum=True)], RATE)
    piano = synthesizer.play([music(0)], RATE)
    drums = synthesizer.play([music(0, is_drum=True)], RATE)
    assert np.abs(drums).max() > 0.01
    # FluidSynth cuts a drum that another one ends at slightly different moments.
    assert np.linalg.norm(heard - piano - drums) < 0.05 * np.linalg.norm(heard)


def test_a_missing_kit_is_named(synthesizer):
    with pytest.raises(InputError, match="no drums of program 77"):
        synthesizer.play([music(77, is_drum=True)], 64)
    assert np.abs(synthesizer.play([music(0)], RATE)).max() > 0.01


def test_many_synthesizers_can_be_opened_and_closed():
    for _ in range(3):
        made = Synthesizer(SOUNDFONT, RATE)
        made.play([music(0)], 640)
        made.close()
        made.close()
