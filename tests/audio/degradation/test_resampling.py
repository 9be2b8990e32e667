import numpy as np
import pytest
from scipy import signal

from tests.audio.signals import amplitude, lag, noise, sine
from tfaudiogan.audio.degradation import Resampling
from tfaudiogan.audio.filters import LowPass

RATE = 44100
FILTER = LowPass("butterworth", 2, 3000.0)


def squared_magnitude(hz):
    _, once = signal.freqz_sos(FILTER.sections(RATE), worN=[hz], fs=RATE)
    return float(np.abs(once[0]) ** 2)


@pytest.mark.parametrize("hz", [300.0, 1500.0, 3000.0])
def test_below_half_the_rate_only_the_filter_acts(hz):
    heard = Resampling(8000, FILTER)(sine(hz, RATE, 2.0), RATE)
    # A cubic spline at 15 samples a period or more: below 0.1 %.
    assert amplitude(heard, hz, RATE) == pytest.approx(0.5 * squared_magnitude(hz), rel=2e-3)


@pytest.mark.parametrize(("hz", "folded"), [(5000.0, 3000.0), (6500.0, 1500.0)])
def test_above_half_the_rate_the_remainder_aliases(hz, folded):
    heard = Resampling(8000, FILTER)(sine(hz, RATE, 2.0), RATE)
    # A cubic spline at 7 samples a period: below 1 %.
    assert amplitude(heard, folded, RATE) == pytest.approx(0.5 * squared_magnitude(hz), rel=2e-2)
    assert amplitude(heard, hz, RATE) < 1e-3


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000])
def test_drawn_resampling_adds_no_delay(rate):
    rng = np.random.default_rng(rate)
    audio = noise(RATE)
    for _ in range(4):
        resampling = Resampling.draw(rng, rates_hz=(rate,))
        heard = resampling(audio, RATE)
        assert heard.shape == audio.shape
        assert heard.dtype == np.float32
        assert lag(audio, heard) == 0


@pytest.mark.parametrize("rate", [8000, 11025])
@pytest.mark.parametrize("samples", [0, 1, 2, 3, 10, 101])
def test_any_length_is_kept(rate, samples):
    heard = Resampling(rate, FILTER)(noise(samples), RATE)
    assert heard.shape == (samples,)
    assert np.isfinite(heard).all()


def test_a_higher_rate_does_nothing():
    audio = noise(100)
    np.testing.assert_array_equal(Resampling(16000, FILTER)(audio, 16000), audio)


def test_a_bad_rate_is_named():
    with pytest.raises(ValueError, match="rate_hz is 0"):
        Resampling(0, FILTER)
