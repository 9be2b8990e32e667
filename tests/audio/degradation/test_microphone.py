import numpy as np
import pytest
from scipy import signal

from tests.audio.signals import amplitude, lag, noise, sine
from tfaudiogan.audio.degradation import Microphone
from tfaudiogan.audio.degradation.microphone import BANDS_HZ

RATE = 44100
FLAT = (0.0,) * len(BANDS_HZ)
GAINS = (-15.0, 6.0, -3.0, 0.0, 9.0, -12.0, 15.0, -6.0)


def test_the_equalizer_has_its_gains_at_the_bands_and_half_way():
    taps = Microphone(0.0, 1, GAINS).taps(RATE)
    np.testing.assert_allclose(taps, taps[::-1], atol=1e-12)
    centers = np.array(BANDS_HZ)[2:]
    between = np.sqrt(centers[:-1] * centers[1:])
    _, response = signal.freqz(taps, worN=np.concatenate([centers, between]), fs=RATE)
    expected = np.concatenate([GAINS[2:], np.convolve(GAINS[2:], [0.5, 0.5], "valid")])
    # A window of 20 ms smooths the curve by less than 1 dB at 500 Hz and above.
    np.testing.assert_allclose(20 * np.log10(np.abs(response)), expected, atol=1.0)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("hz", [50.0, 100.0, 400.0])
def test_the_low_cut_is_a_butterworth_filter_applied_twice(order, hz):
    heard = Microphone(100.0, order, FLAT)(sine(hz, RATE, 4.0), RATE)
    expected = 0.5 / (1 + (100.0 / hz) ** (2 * order))
    # At 44.1 kHz, the bilinear transform shifts 400 Hz by 0.03 %; the transients have decayed.
    assert amplitude(heard, hz, RATE) == pytest.approx(expected, rel=2e-3)


def test_without_low_cut_and_gains_nothing_changes():
    audio = noise(5000)
    heard = Microphone(0.0, 2, FLAT)(audio, RATE)
    np.testing.assert_allclose(heard, audio, atol=1e-6)  # firwin2's rounding


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_drawn_microphones_add_no_delay(rate):
    rng = np.random.default_rng(0)
    audio = noise(rate)
    for _ in range(10):
        microphone = Microphone.draw(rng, low_cut_hz=(35.0, 300.0), gain_db=15.0)
        assert 35 <= microphone.low_cut_hz <= 300
        assert max(map(abs, microphone.gains_db)) <= 15
        heard = microphone(audio, rate)
        assert heard.shape == audio.shape
        assert lag(audio, heard) == 0


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_any_length_is_kept(samples):
    assert Microphone(80.0, 2, GAINS)(noise(samples), RATE).shape == (samples,)


def test_a_wrong_number_of_gains_is_named():
    with pytest.raises(ValueError, match="3 gains; expected 8"):
        Microphone(80.0, 2, (0.0, 1.0, 2.0))
