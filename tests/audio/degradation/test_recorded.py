"""Test the stages that use a recorded room, microphone or noise."""

import dataclasses
import json

import numpy as np
import pytest
import soundfile
from scipy import signal

from tests.audio.signals import lag, noise
from tfaudiogan.audio.degradation import (
    Chain,
    Mixture,
    RecordedMicrophone,
    RecordedNoise,
    RecordedRoom,
    Recording,
    Recordings,
    degradation_preset,
    mixed_preset,
)
from tfaudiogan.audio.levels import measure_level
from tfaudiogan.errors import InputError
from tfaudiogan.storage import checksum

RATE = 16000


def record(path, audio, rate=RATE):
    soundfile.write(path, audio, rate, subtype="FLOAT")
    return Recording(str(path), checksum(path))


@pytest.fixture
def room(tmp_path):
    """Write silence, a direct sound of -0.5, and one reflection of 0.3 after 10 ms."""
    response = np.zeros(4000)
    response[1000], response[1160] = -0.5, -0.3
    return record(tmp_path / "room.wav", response)


@pytest.fixture
def microphone(tmp_path):
    low_pass = signal.firwin(101, 3000, fs=RATE)
    return record(tmp_path / "microphone.wav", np.concatenate([np.zeros(200), low_pass]))


@pytest.fixture
def hum(tmp_path):
    """Write a ramp of 0.05 s, shorter than the audio, so that each position has its own value."""
    return record(tmp_path / "hum.wav", np.linspace(-0.5, 0.5, 800))


def test_a_room_is_aligned_at_its_direct_sound_at_gain_1(room):
    audio = noise(3000)
    heard = RecordedRoom(room.path, room.sha256, -20 * np.log10(2))(audio, RATE)
    expected = audio.copy()
    expected[160:] += 0.6 / 2 * audio[:-160]
    np.testing.assert_allclose(heard, expected, atol=1e-6)


def test_a_room_at_another_rate(room):
    audio = np.convolve(noise(6000), signal.firwin(101, 0.2), "same").astype(np.float32)
    heard = RecordedRoom(room.path, room.sha256)(audio, 2 * RATE)
    expected = audio.copy()
    expected[320:] += 0.6 * audio[:-320]
    # An impulse at half the rate is twice as wide. The resampler's filter is cut 1.5 ms earlier.
    assert np.linalg.norm(heard / 2 - expected) < 0.06 * np.linalg.norm(expected)


def test_a_microphone_is_used_as_recorded(microphone):
    audio = noise(3000)
    low_pass = signal.firwin(101, 3000, fs=RATE)
    expected = np.convolve(audio, low_pass / np.sqrt(np.sum(low_pass**2)), "same")
    # The 1.5 ms that are kept before the direct sound contain half of the filter's first half.
    heard = RecordedMicrophone(microphone.path, microphone.sha256)(audio, RATE)
    assert np.linalg.norm(heard - expected) < 0.1 * np.linalg.norm(expected)
    assert lag(audio, heard) == 0


@pytest.mark.parametrize("phase", ["minimum", "zero"])
@pytest.mark.parametrize("strength", [0.6, 1.0])
def test_every_phase_keeps_the_magnitude(microphone, phase, strength):
    audio = noise(16 * RATE)
    stage = RecordedMicrophone(microphone.path, microphone.sha256)
    plain = stage(audio, RATE)
    heard = dataclasses.replace(stage, phase=phase, strength=strength)(audio, RATE)
    ratios = []
    for filtered in (plain, heard):
        _, power = signal.welch(filtered, RATE, nperseg=512)
        ratios.append(10 * np.log10(power / signal.welch(audio, RATE, nperseg=512)[1]))
    passed = ratios[0] > -25
    np.testing.assert_allclose(ratios[1][passed], strength * ratios[0][passed], atol=1.0)
    assert lag(audio, heard) <= (5 if phase == "minimum" else 0)


@pytest.mark.parametrize("position", [0.0, 0.25, 0.9999])
def test_noise_starts_at_its_position_and_repeats(hum, position):
    audio = noise(3000)
    added = RecordedNoise(hum.path, hum.sha256, 10.0, position)(audio, RATE) - audio
    ramp = np.linspace(-0.5, 0.5, 800)
    expected = ramp[(int(position * 800) + np.arange(3000)) % 800]
    assert np.corrcoef(added, expected)[0, 1] > 0.999
    power = np.square(added, dtype=np.float64).mean()
    assert measure_level(audio) - 10 * np.log10(power) == pytest.approx(10.0, abs=1e-3)


def test_a_long_noise_is_cropped(tmp_path):
    long = record(tmp_path / "long.wav", noise(5000))
    added = RecordedNoise(long.path, long.sha256, 0.0, 0.5)(noise(1000, 1), RATE) - noise(1000, 1)
    assert np.corrcoef(added, noise(5000)[2500:3500])[0, 1] > 0.999


def test_silence_gets_no_noise(hum):
    silence = np.zeros(3000, np.float32)
    assert not RecordedNoise(hum.path, hum.sha256, 10.0, 0.0)(silence, RATE).any()


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_any_length_is_kept(room, microphone, hum, samples):
    stages = (
        RecordedRoom(room.path, room.sha256),
        RecordedMicrophone(microphone.path, microphone.sha256, "zero", 0.8),
        RecordedNoise(hum.path, hum.sha256, 20.0, 0.3),
    )
    assert Chain(stages)(noise(samples), RATE).shape == (samples,)


def test_settings_give_the_same_samples(room, microphone, hum):
    recordings = Recordings((room,), (microphone,), (hum,))
    preset = degradation_preset("today", recordings)
    stages, audio = set(), noise(RATE)
    for seed in range(40):
        chain = preset.draw(np.random.default_rng(seed))
        settings = chain.to_settings()
        stages |= {values["stage"] for values in settings}
        again = Chain.from_settings(json.loads(json.dumps(settings)))
        assert again == chain
        if seed < 3 and "room" not in {values["stage"] for values in settings}:
            np.testing.assert_array_equal(again(audio, RATE), chain(audio, RATE))
    assert {"recorded_room", "room", "recorded_noise", "recorded_microphone"} <= stages
    assert not {"noise", "microphone"} & stages


def test_a_changed_file_is_named(room):
    with pytest.raises(InputError, match=r"room.wav has changed"):
        RecordedRoom(room.path, "0" * 64)(noise(100), RATE)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone.wav does not exist"):
        RecordedNoise(str(tmp_path / "gone.wav"), "0", 10.0, 0.0)(noise(100), RATE)


def test_a_silent_file_is_named(tmp_path):
    silent = record(tmp_path / "silent.wav", np.zeros(100))
    with pytest.raises(InputError, match=r"silent.wav is silent"):
        RecordedRoom(silent.path, silent.sha256)(noise(100), RATE)


@pytest.mark.parametrize(
    ("stage", "values", "message"),
    [
        (RecordedNoise, {"snr_db": 10.0, "position": 1.0}, "position is 1.0"),
        (RecordedMicrophone, {"phase": "linear"}, "phase is 'linear'"),
        (RecordedMicrophone, {"strength": 0.5}, "strength is 0.5"),
    ],
)
def test_bad_values_are_named(stage, values, message):
    with pytest.raises(ValueError, match=message):
        stage(path="x", sha256="0", **values)


def test_varied_has_its_documented_shares(room):
    preset = degradation_preset("varied", Recordings(rooms=(room,)))
    chains = [preset.draw(np.random.default_rng(seed)) for seed in range(2000)]
    clean = sum(not chain.stages for chain in chains)
    # Binomial with mean 180 and deviation 13, plus chains of `today` without any stage.
    assert 120 < clean < 240
    names = [{values["stage"] for values in chain.to_settings()} for chain in chains]
    recorded = sum("recorded_room" in stages for stages in names)
    assert abs(recorded - 2000 * 0.25 * 0.75 / 2) < 70


def test_presets_are_mixed_by_their_shares():
    preset = mixed_preset(["light", "old-phone=3"])
    assert isinstance(preset, Mixture)
    rates = []
    for seed in range(1500):
        chain = preset.draw(np.random.default_rng(seed))
        rates += [v["rate_hz"] for v in chain.to_settings() if v["stage"] == "resampling"]
    low = sum(rate <= 11025 for rate in rates)
    # 0.8 of 3/4 of the chains; light's rates are 24 and 32 kHz in 0.8 * 0.3 of 1/4.
    assert low == pytest.approx(1500 * 0.8 * 0.75, rel=0.1)
    assert len(rates) - low == pytest.approx(1500 * 0.8 * 0.3 * 0.25, rel=0.3)
    assert mixed_preset(["phone"]) is degradation_preset("phone")


@pytest.mark.parametrize(
    ("expressions", "message"),
    [
        (["fax"], "'fax'"),
        (["phone=none"], "'phone=none'"),
        (["phone=-1"], "'phone=-1'"),
        (["phone=inf"], "'phone=inf'"),
        (["phone", "light"], "phone, light: none of these presets uses recorded devices"),
        ([], "no degradation preset"),
    ],
)
def test_bad_mixtures_are_named(room, expressions, message):
    with pytest.raises(InputError, match=message):
        mixed_preset(expressions, Recordings(rooms=(room,)))
