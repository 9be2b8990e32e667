import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from tests.audio.signals import noise
from tfaudiogan.audio import splines
from tfaudiogan.audio.splines import sample_spline


@pytest.mark.parametrize(("step", "samples"), [(0.25, 11_997), (1.7, 1764), (1.0, 3000)])
def test_blocks_make_no_difference_to_scipys_spline(monkeypatch, step, samples):
    monkeypatch.setattr(splines, "_BLOCK", 500)
    audio = noise(3000)
    at = np.minimum(np.arange(samples) * step, 2999)
    # float32 of values below 1: steps of 6e-8.
    np.testing.assert_allclose(
        sample_spline(audio, step, samples), CubicSpline(np.arange(3000), audio)(at), atol=1e-6
    )


def test_a_cubic_comes_back():
    def cubic(t):
        return 0.5 - t + 0.1 * t**2 - 0.003 * t**3

    values = sample_spline(cubic(np.arange(20.0)), 0.5, 39)
    np.testing.assert_allclose(values, cubic(np.arange(39) / 2), rtol=1e-6)


@pytest.mark.parametrize(
    ("audio", "expected"),
    [([3.0], [3, 3, 3]), ([1.0, 2.0], [1, 1.5, 2]), ([1.0, 2.0, 4.0], [1, 1.5, 2])],
)
def test_short_signals_are_joined_by_lines(audio, expected):
    np.testing.assert_allclose(sample_spline(np.array(audio), 0.5, 3), expected)


def test_beyond_the_end_the_last_sample_stays():
    audio = noise(50)
    np.testing.assert_allclose(sample_spline(audio, 1.0, 55)[49:], audio[-1])
