import numpy as np
import pytest

from tests.audio.signals import amplitude, lag, noise, sine
from tfaudiogan.audio.curves import HIGHEST_HZ, LOWEST_HZ, curve_points, smooth_gain_db
from tfaudiogan.audio.filters import filter_by_gain, phased_taps
from tfaudiogan.audio.timbre import Timbre

RATE = 44100


@pytest.mark.parametrize("octaves", [1.0, 1.5, 2.0])
def test_a_curve_goes_through_its_points_and_does_not_overshoot(octaves):
    points = curve_points(octaves)
    hz = LOWEST_HZ * 2.0 ** (octaves * np.arange(points))
    assert hz[-2] < HIGHEST_HZ <= hz[-1]
    gains = np.random.default_rng(0).normal(0, 5, points)
    np.testing.assert_allclose(smooth_gain_db(hz, gains, octaves), gains, atol=1e-9)
    between = smooth_gain_db(np.geomspace(10.0, 40000.0, 3000), gains, octaves)
    assert gains.min() - 1e-9 <= between.min() <= between.max() <= gains.max() + 1e-9
    assert smooth_gain_db(np.array([0.0]), gains, octaves) == pytest.approx(gains[0])


def test_minimum_phase_of_a_one_pole_filter_is_that_filter():
    # 1 / (1 - 0.5 z^-1) has minimum phase: its response is 0.5 ** n.
    magnitude = np.abs(np.fft.rfft(0.5 ** np.arange(4096.0)))
    taps, origin = phased_taps(magnitude, "minimum")
    assert origin == 0
    np.testing.assert_allclose(taps[:40], 0.5 ** np.arange(40.0), atol=1e-9)


@pytest.mark.parametrize("phase", ["minimum", "zero"])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_a_gain_over_frequency_is_applied(phase, rate):
    def gain_db(hz):
        return -6.0 * np.log2(1 + hz / 1000.0)

    for hz in (200.0, 1000.0, 4000.0):
        heard = filter_by_gain(sine(hz, rate, 2.0), gain_db, rate, phase)
        expected = 0.5 * 10 ** (gain_db(hz) / 20)
        # The 8192 points of the response are 2 to 5 Hz apart.
        assert amplitude(heard, hz, rate) == pytest.approx(expected, rel=2e-3)


def test_an_unknown_phase_is_named():
    with pytest.raises(ValueError, match=r"phase is 'linear'; expected one of minimum, zero"):
        filter_by_gain(noise(10), lambda hz: 0 * hz, RATE, "linear")


def test_drawn_timbres_differ_and_add_no_delay():
    rng = np.random.default_rng(0)
    audio = noise(RATE)
    drawn = [Timbre.draw(rng) for _ in range(30)]
    assert len(set(drawn)) == 30
    assert {timbre.octaves for timbre in drawn} == {1.0, 1.5, 2.0}
    assert 1.0 < np.std([gain for timbre in drawn for gain in timbre.gains_db]) < 6.0
    for timbre in drawn[:5]:
        heard = timbre(audio, RATE)
        assert heard.shape == audio.shape
        assert heard.dtype == np.float32
        assert lag(audio, heard) == 0
    for samples in (0, 1, 100):
        assert drawn[0](noise(samples), RATE).shape == (samples,)


def test_a_timbre_applies_its_gains():
    gains = tuple(float(g) for g in np.linspace(-5, 5, curve_points(1.0)))
    heard = Timbre(gains, 1.0)(sine(30.0 * 2**5, RATE, 2.0), RATE)
    assert amplitude(heard, 960.0, RATE) == pytest.approx(0.5 * 10 ** (gains[5] / 20), rel=2e-3)


def test_a_wrong_number_of_gains_is_named():
    with pytest.raises(ValueError, match="2 gains; expected 11"):
        Timbre((0.0, 1.0), 1.0)
