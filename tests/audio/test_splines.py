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
    expected = CubicSpline(np.arange(3000), audio, bc_type="clamped")(at)
    # float32 of values below 1: steps of 6e-8.
    np.testing.assert_allclose(sample_spline(audio, step, samples), expected, atol=1e-6)


@pytest.mark.parametrize("n", [2, 3, 4, 10])
def test_short_signals(n):
    audio, at = noise(n), np.minimum(np.arange(3 * n) / 3, n - 1)
    expected = CubicSpline(np.arange(n), audio, bc_type="clamped")(at)
    np.testing.assert_allclose(sample_spline(audio, 1 / 3, 3 * n), expected, atol=1e-6)


def test_one_sample_stays():
    np.testing.assert_array_equal(sample_spline(np.array([0.5]), 0.5, 3), [0.5, 0.5, 0.5])


def test_the_last_sample_is_repeated_beyond_the_end():
    audio = noise(50)
    np.testing.assert_allclose(sample_spline(audio, 1.0, 55)[49:], audio[-1])
