"""Test bands of bins, statistics of bands, and gains of bins from bands."""

import keras
import numpy as np
import pytest

from tfaudiogan.layers import (
    BandReplication1D,
    BandStatistics1D,
    FrequencyBands1D,
    InterpolatedBands1D,
    PowerSpectrum1D,
    SpectralGain1D,
)


def powers(shape, seed=0):
    return np.random.default_rng(seed).exponential(1e-3, shape).astype("float32")


def test_low_bins_are_bands_of_their_own_and_high_bands_are_means():
    bins = powers((1, 2, 1025))
    bands = np.asarray(FrequencyBands1D(1025, 256)(bins))
    np.testing.assert_array_equal(bands[..., :128], bins[..., :128])
    np.testing.assert_allclose(bands[0, 0, 128], bins[0, 0, 128:132].mean(), rtol=1e-6)
    np.testing.assert_allclose(bands[0, 1, -1], bins[0, 1, -10:].mean(), rtol=1e-6)


def test_equal_powers_stay_equal_in_both_directions():
    flat = np.full((1, 3, 1025), 0.25, "float32")
    bands = FrequencyBands1D(1025, 256)(flat)
    np.testing.assert_allclose(bands, 0.25, rtol=1e-6)
    np.testing.assert_allclose(InterpolatedBands1D(1025, 256)(bands), 0.25, rtol=1e-6)


def test_interpolation_is_linear_between_the_centers_of_bands():
    ramp = np.arange(1025, dtype="float32")[np.newaxis, np.newaxis]
    back = np.asarray(InterpolatedBands1D(1025, 256)(FrequencyBands1D(1025, 256)(ramp)))[0, 0]
    np.testing.assert_array_equal(back[:128], ramp[0, 0, :128])
    # Interpolation reproduces a line, except in half a band at both ends of a segment.
    for first, last in ((130, 382), (390, 1019)):
        np.testing.assert_allclose(back[first:last], ramp[0, 0, first:last], atol=1e-3)


@pytest.mark.parametrize("bands", [129, 641])
def test_too_few_or_too_many_bands(bands):
    for layer in (FrequencyBands1D, InterpolatedBands1D):
        with pytest.raises(ValueError, match=f"bands is {bands}; expected 130 to 640"):
            layer(1025, bands)


def test_the_power_is_the_mean_over_channels():
    real, imaginary = np.random.default_rng(0).normal(size=(2, 1, 2, 3, 9)).astype("float32")
    expected = (real.astype("f8") ** 2 + imaginary.astype("f8") ** 2).mean(axis=1)
    np.testing.assert_allclose(PowerSpectrum1D()([real, imaginary]), expected, rtol=1e-6)


def test_statistics_of_a_steady_sound_are_its_level():
    steady = np.full((1, 5, 4), 1e-2, "float32")
    deviations, statistics = BandStatistics1D()(steady)
    np.testing.assert_allclose(deviations, 0.0, atol=1e-5)
    np.testing.assert_allclose(statistics, (np.log(1e-2) + 9) / 4, atol=1e-5)


def test_a_gain_only_shifts_the_statistics():
    sound = powers((1, 20, 8))
    (d1, s1), (d2, s2) = (BandStatistics1D()(sound * gain) for gain in (np.float32(1), 4.0))
    # QUIET is 60 dB below this sound's mean, and its quietest bands some 40 dB.
    np.testing.assert_allclose(d2, d1, atol=5e-3)
    np.testing.assert_allclose(s2 - s1, np.log(4) / 4, atol=2e-2)


def test_silence_around_a_recording_changes_the_statistics_little():
    """A quarter of the window is silent; the floors of the bands are 40 dB below full scale."""
    sound = 0.1 * powers((1, 96, 8))
    silence = np.zeros((1, 16, 8), "float32")
    around = np.concatenate([silence, sound, silence], axis=1)
    (d1, s1), (d2, s2) = (BandStatistics1D()(x) for x in (sound, around))
    difference = 4 * np.abs(np.asarray(s2) - np.asarray(s1)) * 10 / np.log(10)
    assert difference[..., :16].max() < 0.01  # dB, of the arithmetic and the geometric mean
    assert difference[..., 16:].max() < 0.1  # of the harmonic mean, which the quietest decide
    np.testing.assert_allclose(np.asarray(d2)[:, 16:-16], d1, atol=1e-3)


def test_silence_is_finite():
    for values in BandStatistics1D()(np.zeros((1, 4, 8), "float32")):
        assert np.isfinite(np.asarray(values)).all()


def test_gains_are_bounded_and_the_same_for_all_channels():
    ones = np.ones((1, 2, 1, 3), "float32")
    logarithms = np.array([[[0.0, 0.1, 1e6]]], "float32")
    real, imaginary = (np.asarray(x) for x in SpectralGain1D()([ones, -ones, logarithms]))
    expected = np.exp([0.0, 4 * np.tanh(0.025), 4.0])
    np.testing.assert_allclose(real[0, :, 0], [expected, expected], rtol=1e-6)
    np.testing.assert_array_equal(imaginary, -real)


def test_replication_adds_the_octave_below_at_each_level():
    rng = np.random.default_rng(0)
    real, imaginary = rng.normal(size=(2, 2, 3, 2, 11)).astype("float32")
    logarithm = rng.normal(6.0, 5.0, (2, 2, 11)).astype("float32")
    outputs = BandReplication1D(4)([real, imaginary, logarithm])
    level = np.exp(12 * np.tanh(logarithm.astype("float64") / 12) - 9) - np.exp(-9)
    for output, part in zip(outputs, (real, imaginary), strict=True):
        expected = part.astype("float64")
        for k in range(4, 11):
            expected[..., k] += level[:, None, :, k] * part[..., 2 + k % 2]
        np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("first", [0, 2, 6, -4])
def test_replication_needs_a_multiple_of_four(first):
    with pytest.raises(ValueError, match=f"first is {first}; expected a positive multiple of 4"):
        BandReplication1D(first)


def test_layers_stay_in_float32_in_a_half_precision_program():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        loud, quiet = np.float32(1.0), np.float32(1.0 + 1e-5)
        outputs = np.asarray(FrequencyBands1D(129, 50)(np.full((1, 1, 129), quiet)))
    finally:
        keras.config.set_dtype_policy(before)
    assert outputs[0, 0, 0] > loud
