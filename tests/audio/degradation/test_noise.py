import numpy as np
import pytest
from scipy import signal

from tests.audio.signals import noise, sine
from tfaudiogan.audio.degradation.noise import (
    NOISE_COLORS,
    BackgroundNoise,
    ThermalNoise,
    colored_noise,
)
from tfaudiogan.audio.levels import measure_level

RATE = 16000


@pytest.mark.parametrize(
    ("color", "octaves_db"),
    [
        ("white", [0, 0, 0, 0]),
        ("pink", [-3.01, -3.01, -3.01, -3.01]),
        ("brown", [-6.02, -6.02, -6.02, -6.02]),
        # (1 + (f / 500)²)^-1.5 from 250 Hz to 4 kHz, computed by hand
        ("speech", [-3.06, -5.97, -7.95, -8.72]),
    ],
)
def test_power_falls_with_each_octave(color, octaves_db):
    audio = colored_noise(40 * RATE, RATE, color, np.random.default_rng(0))
    hz, power = signal.welch(audio, RATE, nperseg=4096)
    octaves = [250, 500, 1000, 2000, 4000]
    near = [power[(hz > f * 0.98) & (hz < f * 1.02)].mean() for f in octaves]
    # Welch's method over 310 half-overlapping segments and at least 3 bins deviates by 0.15 dB.
    np.testing.assert_allclose(10 * np.log10(np.divide(near[1:], near[:-1])), octaves_db, atol=0.6)


@pytest.mark.parametrize("color", NOISE_COLORS)
@pytest.mark.parametrize("samples", [0, 1, 1000])
def test_mean_power_is_one(color, samples):
    audio = colored_noise(samples, RATE, color, np.random.default_rng(0))
    assert audio.shape == (samples,)
    assert audio.dtype == np.float32
    if samples:
        assert np.mean(audio**2) == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize(
    "stage",
    [BackgroundNoise(7.5, "pink", 1), BackgroundNoise(-3.0, "speech", 1), ThermalNoise(40.0, 1)],
)
@pytest.mark.parametrize("gain", [1.0, 0.01])
def test_the_noise_has_the_given_ratio(stage, gain):
    audio = gain * sine(440.0, RATE, 1.0)
    added = stage(audio, RATE) - audio
    ratio = measure_level(audio) - 10 * np.log10(np.mean(added.astype(np.float64) ** 2))
    assert ratio == pytest.approx(stage.snr_db, abs=0.01)  # float32 noise 40 dB below the sine


def test_silence_within_a_track_does_not_lower_its_noise():
    loud = noise(16384)
    audio = np.concatenate([loud, np.zeros(9 * RATE, np.float32)])
    added = ThermalNoise(20.0, 0)(audio, RATE) - audio
    assert np.mean(added**2) == pytest.approx(np.mean(loud**2) / 100, rel=1e-3)


def test_the_same_seed_gives_the_same_noise():
    audio = noise(1000)
    first = BackgroundNoise(10.0, "pink", 5)(audio, RATE)
    np.testing.assert_array_equal(BackgroundNoise(10.0, "pink", 5)(audio, RATE), first)
    assert not np.array_equal(BackgroundNoise(10.0, "pink", 6)(audio, RATE), first)


def test_silence_stays_silent():
    silence = np.zeros(1000, np.float32)
    np.testing.assert_array_equal(BackgroundNoise(0.0, "white", 0)(silence, RATE), silence)


def test_an_unknown_color_is_named():
    with pytest.raises(ValueError, match=r"'mauve'.*white"):
        BackgroundNoise(10.0, "mauve", 0)
