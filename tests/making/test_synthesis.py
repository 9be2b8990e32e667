import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from tfaudiogan.errors import InputError
from tfaudiogan.making import synthesis
from tfaudiogan.making.synthesis import (
    find_soundfont,
    sounding_seconds,
    synthesize,
    synthesizer_version,
)

SOUNDFONT = Path(pretty_midi.__file__).with_name("TimGM6mb.sf2")
RATE = 16000
BLOCK = 64
ORGAN = 19
"""Church organ: holds its level while a key is down."""


def instrument(notes, controls=(), bends=(), program=0):
    """Notes as (pitch, start, end), controls as (number, value, time), bends as (pitch, time)."""
    made = pretty_midi.Instrument(program)
    made.notes = [pretty_midi.Note(90, *note) for note in notes]
    made.control_changes = [pretty_midi.ControlChange(*control) for control in controls]
    made.pitch_bends = [pretty_midi.PitchBend(*bend) for bend in bends]
    return made


def render(*instruments, seconds=1.0, rate=RATE, **options):
    midi = pretty_midi.PrettyMIDI()
    midi.instruments = list(instruments)
    samples = options.pop("samples", round(seconds * rate))
    return synthesize(midi, soundfont=SOUNDFONT, sample_rate=rate, samples=samples, **options)


def energy(audio, start, stop, rate=RATE):
    return float(np.square(audio[round(start * rate) : round(stop * rate)], dtype=float).mean())


def loudest_frequency(audio, rate=RATE):
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 8 * len(audio)))
    return np.argmax(spectrum) * rate / (8 * len(audio))


@pytest.mark.parametrize("program", [0, 4, ORGAN])
@pytest.mark.parametrize("pitch", [45, 69, 88])
def test_note_sounds_at_its_pitch(program, pitch):
    audio = render(instrument([(pitch, 0.0, 1.0)], program=program))
    frequency = loudest_frequency(audio[RATE // 4 :])
    # The loudest partial is one of the first eight. Half a semitone is 2.9 %; a piano's strings are
    # stiff, so that high partials lie a little above multiples of the fundamental.
    ratio = frequency / (440 * 2 ** ((pitch - 69) / 12))
    assert min(abs(ratio / partial - 1) for partial in (0.5, *range(1, 9))) < 0.007


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.2503])
def test_note_starts_at_the_nearest_block_whatever_the_program(rate, seconds):
    start = round(seconds * rate / BLOCK) * BLOCK
    for program in (0, 4):
        note = instrument([(60, seconds, seconds + 0.2)], program=program)
        audio = render(note, seconds=0.5, rate=rate)
        assert not audio[:start].any()
        assert audio[start : start + BLOCK].any()


def test_pedal_holds_a_note():
    dry = render(instrument([(60, 0.0, 0.2)]), seconds=1.5)
    held = render(instrument([(60, 0.0, 0.2)], [(64, 127, 0.1), (64, 0, 1.2)]), seconds=1.5)
    assert energy(held, 0.8, 1.2) > 100 * energy(dry, 0.8, 1.2)
    assert energy(held, 1.4, 1.5) < 0.01 * energy(held, 1.1, 1.2)


def test_each_instrument_has_its_own_channel():
    pedaled = instrument([(72, 0.1, 0.3)], [(64, 127, 0.0), (7, 40, 0.0)], [(4000, 0.0)])
    dry = instrument([(48, 0.0, 0.3)], program=4)
    together, apart = render(pedaled, dry), render(pedaled) + render(dry)
    # Voices add up in float32; pedal, volume and pitch bend do not affect the other channel.
    np.testing.assert_allclose(together, apart, atol=1e-6)


def test_more_instruments_than_one_midi_port_has_channels():
    notes = [instrument([(50 + i, 0.0, 0.5)], program=3 * i) for i in range(34)]
    apart = sum(render(note, seconds=0.4) for note in notes)
    np.testing.assert_allclose(render(*notes, seconds=0.4), apart, atol=1e-5)


def test_too_many_instruments():
    with pytest.raises(InputError, match="241 instruments"):
        render(*[instrument([(60, 0, 1)])] * 241)


def test_drums_are_left_out():
    drums = instrument([(40, 0.0, 0.5)])
    drums.is_drum = True
    piano = instrument([(60, 0.0, 0.5)])
    np.testing.assert_array_equal(render(drums, piano), render(piano))


def test_gain_is_fixed_and_linear():
    quiet = render(instrument([(60, 0, 1)]), gain=0.1)
    loud = render(*[instrument([(60, 0, 1)])] * 3, gain=0.4)
    # float32 rounding of 12 times the amplitude, relative to the peak
    np.testing.assert_allclose(loud, 12 * quiet, atol=2e-6 * np.abs(loud).max())


def test_no_reverb_and_no_chorus():
    audio = render(instrument([(84, 0.0, 0.05)]), seconds=3.0)
    assert energy(audio, 0.0, 0.1) > 1e-6
    assert not audio[round(2.5 * RATE) :].any()


def test_the_same_performance_gives_the_same_bytes():
    music = [instrument([(60, 0, 0.5), (64, 0.2, 0.7)], [(64, 90, 0.1)]), instrument([(40, 0, 1)])]
    assert render(*music).tobytes() == render(*music).tobytes()


@pytest.mark.parametrize("samples", [0, 1, 63, 64, 65, 4097, 70001])
def test_a_shorter_render_is_the_beginning_of_a_longer_one(samples):
    music = instrument([(60, 0.0, 0.3), (64, 0.5, 4.0), (67, 4.2, 4.5)])
    longer = render(music, seconds=4.6)
    np.testing.assert_array_equal(render(music, samples=samples), longer[:samples])


def test_length_by_default():
    music = pretty_midi.PrettyMIDI()
    music.instruments = [instrument([(60, 0.0, 0.5)])]
    audio = synthesize(music, soundfont=SOUNDFONT, sample_rate=8000)
    assert audio.shape == (round((0.5 + synthesis.TAIL_SECONDS) * 8000),)
    assert audio.dtype == np.float32


def test_pitch_bend_is_two_semitones_at_most():
    flat = render(instrument([(69, 0, 1)], program=ORGAN))
    sharp = render(instrument([(69, 0, 1)], bends=[(8191, 0.0)], program=ORGAN))
    ratio = loudest_frequency(sharp[RATE // 2 :]) / loudest_frequency(flat[RATE // 2 :])
    assert ratio == pytest.approx(2 ** (2 / 12), rel=2e-3)


def test_a_key_struck_again_on_release_sounds():
    once = render(instrument([(60, 0.0, 0.5)], program=ORGAN))
    twice = render(instrument([(60, 0.0, 0.5), (60, 0.5, 1.0)], program=ORGAN))
    assert energy(twice, 0.8, 1.0) > 100 * energy(once, 0.8, 1.0)


@pytest.mark.parametrize(
    "controls", [[(120, 0, 0.2)], [(123, 0, 0.2)], [(126, 1, 0.0)], [(127, 0, 0.2)]]
)
def test_channel_mode_messages_are_ignored(controls):
    notes = [(60, 0.0, 1.0), (64, 0.1, 1.0)]
    expected = render(instrument(notes, program=ORGAN))
    np.testing.assert_array_equal(render(instrument(notes, controls, program=ORGAN)), expected)


def test_a_note_without_length_does_not_hang():
    audio = render(instrument([(60, 0.1, 0.1)], program=ORGAN))
    assert not audio.any()


@pytest.mark.parametrize(
    ("controls", "end"),
    [
        ([], 1.0),
        ([(64, 127, 0.5), (64, 0, 1.75)], 1.75),
        ([(64, 127, 0.5), (64, 0, 0.75), (64, 90, 1.5), (64, 0, 5.0)], 1.0),
        ([(64, 127, 0.5), (64, 100, 2.0), (64, 63, 3.0)], 3.0),
        ([(64, 127, 0.5)], 1.0 + synthesis.MAX_RINGING_SECONDS),
        ([(64, 127, 0.5), (64, 0, 100.0)], 1.0 + synthesis.MAX_RINGING_SECONDS),
        ([(66, 127, 0.5)], 1.0),
    ],
)
def test_sounding_seconds(controls, end):
    midi = pretty_midi.PrettyMIDI()
    midi.instruments = [instrument([(60, 0.25, 1.0)], controls), instrument([(72, 0.0, 0.5)])]
    assert sounding_seconds(midi) == end + synthesis.TAIL_SECONDS


@pytest.mark.parametrize("rate", [0, -1, 7999, 96001])
def test_bad_sample_rate(rate):
    with pytest.raises(InputError, match=f"sample rate is {rate};"):
        render(instrument([(60, 0, 1)]), samples=1, rate=rate)


def test_the_version_is_that_of_fluidsynth():
    name, version = synthesizer_version().split()
    assert name == "FluidSynth"
    assert len(version.split(".")) == 3


def test_nothing_is_printed_where_the_environment_is_that_of_ci():
    code = "import tfaudiogan.making.synthesizer as s, pretty_midi; s.fluidsynth_module()"
    environment = {**os.environ, "CI": "true"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"")


def test_missing_library_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    with pytest.raises(InputError, match=r"apt install libfluidsynth3.*brew install fluid-synth"):
        render(instrument([(60, 0, 1)]))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no soundfont at"),
        (b"", "not a soundfont"),
        (b"RIFF\0\0\0\0WAVEfmt ", "not a soundfont"),
    ],
)
def test_bad_soundfont(tmp_path, content, reason):
    path = tmp_path / "font.sf2"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=reason) as error:
        find_soundfont(path)
    assert str(path) in str(error.value)


def test_damaged_soundfont(tmp_path):
    path = tmp_path / "font.sf2"
    path.write_bytes(SOUNDFONT.read_bytes()[:5000])
    midi = pretty_midi.PrettyMIDI()
    with pytest.raises(InputError, match="cannot load"):
        synthesize(midi, soundfont=path, samples=64)


def test_search_order_of_soundfonts(tmp_path, monkeypatch):
    monkeypatch.setattr(synthesis, "_SOUNDFONT_FOLDERS", (str(tmp_path / "a"), str(tmp_path / "b")))
    assert find_soundfont() == SOUNDFONT
    for folder, name in (("a", "TimGM6mb.sf2"), ("b", "default-GM.sf3"), ("b", "FluidR3_GM.sf2")):
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
        assert find_soundfont() == path
    assert find_soundfont(SOUNDFONT) == SOUNDFONT
