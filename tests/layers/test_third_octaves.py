"""Test third octaves: their edges, statistics of them, and curves through them."""

import numpy as np
import pytest

from tfaudiogan.layers import (
    PowerSpectrum1D,
    Spectrum1D,
    ThirdOctaveCurve1D,
    ThirdOctaveSamples1D,
    ThirdOctaveStatistics1D,
)
from tfaudiogan.layers.third_octaves import band_centers, third_octave_edges

SIZES = {"bins": 1025, "bands": 256, "fine_bins": 8193}
EXPONENTS = (0.0, -1.0, -0.5, -0.25, 0.25, 0.5, 1.0)
RATE = 44_100


def statistics_of(powers):
    """Return the means in nepers, ``(exponents, third octaves)``."""
    values = np.asarray(ThirdOctaveStatistics1D()(powers), "float64")
    return (4.0 * values - 9.0).reshape(len(EXPONENTS), -1)


def test_edges_are_a_third_octave_apart_and_cover_at_least_four_bins():
    edges = third_octave_edges(8193)
    assert len(edges) == 28
    assert edges[-1] == 8193
    np.testing.assert_allclose(edges[1:-1] / edges[:-2], 2 ** (1 / 3), rtol=0.05)
    assert np.diff(edges).min() == 4


def test_statistics_are_generalized_means():
    powers = np.random.default_rng(0).exponential(1e-2, (1, 6, 129))
    found = statistics_of(powers.astype("float32"))
    edges = third_octave_edges(129)
    # All frames are far above the level at which they lose weight, but not equally far.
    loudness = powers.mean(axis=2)[0]
    weights = loudness / (loudness + 1e-6) + 1e-6
    weights /= weights.sum()
    for row, exponent in zip(found, EXPONENTS, strict=True):
        for mean, start, stop in zip(row, edges[:-1], edges[1:], strict=True):
            band = powers[0, :, start:stop] + 1e-9
            if exponent:
                expected = np.log(weights @ (band**exponent).mean(axis=1)) / exponent
            else:
                expected = weights @ np.log(band).mean(axis=1)
            assert mean == pytest.approx(expected, abs=1e-4)


def test_the_harmonic_mean_is_close_to_the_noise_between_partials():
    """Partials of 220 Hz hide noise 40 dB below them from frames of 2,048 samples."""
    rng = np.random.default_rng(0)
    samples = 8192 * 16
    phases = 2 * np.pi * np.outer(220.0 * np.arange(1, 40), np.arange(samples) / RATE)
    partials = 0.1 * np.sin(phases).sum(axis=0)
    noise = 1e-3 * rng.normal(size=samples)

    def harmonic_mean_db(signal, n_fft):
        parts = Spectrum1D(n_fft)(signal.astype("float32")[None, :, None])
        powers = np.asarray(PowerSpectrum1D()(parts), "float64")[:, 2:-2]
        edges = third_octave_edges(n_fft // 2 + 1)
        top = np.abs(edges[:-1] * RATE / n_fft - 1400.0).argmin()  # 1.4 to 1.8 kHz
        return 10 / np.log(10) * statistics_of(powers.astype("float32"))[1, top]

    white_db = -60.0
    assert harmonic_mean_db(partials + noise, 16_384) == pytest.approx(white_db, abs=4.0)
    assert harmonic_mean_db(partials + noise, 2048) > white_db + 15.0


def test_a_gain_only_shifts_the_statistics():
    powers = np.random.default_rng(0).exponential(1e-2, (1, 8, 257)).astype("float32")
    shift = statistics_of(4 * powers) - statistics_of(powers)
    # The floor of -90 dBFS is 70 dB below this spectrum's mean.
    np.testing.assert_allclose(shift, np.log(4.0), atol=0.02)


def test_silence_is_finite():
    assert np.isfinite(statistics_of(np.zeros((1, 3, 65), "float32"))).all()


def test_a_curve_passes_through_its_values_and_holds_the_outermost():
    curve = ThirdOctaveCurve1D(**SIZES)
    values = np.random.default_rng(0).normal(size=(1, 1, 27)).astype("float32")
    found = np.asarray(curve(values))[0, 0]
    octaves = np.log2(np.maximum(band_centers(1025, 256), 1.0))
    expected = np.interp(octaves, np.log2(curve.centers), values[0, 0])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found[0] == values[0, 0, 0]


def test_samples_are_the_means_over_time_at_the_centers():
    samples = ThirdOctaveSamples1D(**SIZES)
    centers = band_centers(1025, 256)
    hz = np.stack([centers - 1.0, centers + 1.0])[np.newaxis].astype("float32")
    found = np.asarray(samples(hz))[0, 0]
    # Bands are 1 to 10 bins wide.
    assert np.all(np.abs(found - samples.centers) <= 5.0)
    assert np.all(np.abs(found - samples.centers)[:10] <= 0.5)


@pytest.mark.parametrize("layer", [ThirdOctaveCurve1D, ThirdOctaveSamples1D])
def test_bands_that_do_not_fit_are_named(layer):
    with pytest.raises(ValueError, match="bands is 9; expected 130 to 640"):
        layer(1025, 9)
