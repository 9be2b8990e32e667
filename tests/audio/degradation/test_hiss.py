import numpy as np
import pytest
from scipy import signal

from tests.audio.signals import noise, sine
from tfaudiogan.audio.degradation import Hiss, LoudnessChanges
from tfaudiogan.audio.levels import measure_level

RATE = 44100


def test_hiss_has_the_given_ratio_and_shape():
    gains = tuple(float(g) for g in -3.0 * np.arange(11))
    audio = sine(440.0, RATE, 6.0)
    added = Hiss(20.0, gains, 3)(audio, RATE) - audio
    power = np.square(added, dtype=np.float64).mean()
    assert measure_level(audio) - 10 * np.log10(power) == pytest.approx(20.0, abs=0.01)
    hz, spectrum = signal.welch(added, RATE, nperseg=4096)
    level = 10 * np.log10(spectrum)
    octave = np.interp([500.0, 4000.0], hz, np.convolve(level, np.ones(9) / 9, "same"))
    # Three octaves at 3 dB; a spectrum over 260 s of segments is accurate to a few tenths of a dB.
    assert octave[0] - octave[1] == pytest.approx(9.0, abs=0.8)


def test_hiss_repeats_with_its_seed_and_silence_gets_none():
    stage = Hiss.draw(np.random.default_rng(0), snr_db=(10.0, 20.0))
    np.testing.assert_array_equal(stage(noise(999), RATE), stage(noise(999), RATE))
    assert not stage(np.zeros(999, np.float32), RATE).any()
    assert stage(noise(0), RATE).shape == (0,)
    with pytest.raises(ValueError, match="1 gains; expected 11"):
        Hiss(10.0, (0.0,), 0)


def test_loudness_changes_stay_in_range_and_are_smooth():
    stage = LoudnessChanges(5.0, 0.5, 1)
    heard = stage(np.ones(4 * RATE, np.float32), RATE)
    gains_db = 20 * np.log10(heard)
    assert np.abs(gains_db).max() <= 5.0 + 1e-5
    assert np.ptp(gains_db) > 3.0
    # A cubic between points 0.5 s apart is at most 1.5 times as steep as the line, 30 dB/s, and a
    # monotone cubic is at most three times as steep.
    assert np.abs(np.diff(gains_db)).max() * RATE < 3 * 10.0 / 0.5
    shorter = stage(np.ones(RATE, np.float32), RATE)
    assert shorter.shape == (RATE,)
    assert stage(noise(0), RATE).shape == (0,)
    with pytest.raises(ValueError, match="interval_s is 0"):
        LoudnessChanges(5.0, 0.0, 1)
