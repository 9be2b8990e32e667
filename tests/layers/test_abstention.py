import numpy as np
import pytest

from tfaudiogan.layers import Abstention1D

FRAMES, BINS = 6, 9


def powers(seed=0):
    return np.random.default_rng(seed).exponential(1e-2, (1, FRAMES, BINS)).astype("float32")


def relative_change_db(power, logarithm):
    """Return the power of the output orthogonal to the input, relative to the rest, in float64."""
    spectrum = np.sqrt(power.astype("float64")).ravel()
    output = np.exp(4 * np.tanh(logarithm.astype("float64") / 4)).ravel() * spectrum
    scaled = output @ spectrum / (spectrum @ spectrum) * spectrum
    change = output - scaled
    return 10 * np.log10(change @ change / (scaled @ scaled))


def applied(power, logarithm, change_db, gain_db=1000.0):
    """Return the share of the correction that is applied."""
    outputs = Abstention1D(change_db, gain_db)([power, logarithm, 3 * logarithm])
    values, others = map(np.asarray, outputs)
    np.testing.assert_allclose(others, 3 * values, rtol=1e-6)
    largest = np.abs(logarithm).argmax()
    share = values.ravel()[largest] / logarithm.ravel()[largest]
    np.testing.assert_allclose(values, share * logarithm, rtol=1e-6)
    return share


def applies(power, logarithm, change_db, gain_db=1000.0):
    share = applied(power, logarithm, change_db, gain_db)
    assert share in (0.0, 1.0)
    return bool(share)


@pytest.mark.parametrize("scale", [0.02, 0.2, 1.0, 6.0])
def test_a_correction_is_applied_by_how_much_it_changes_of_the_signal(scale):
    rng = np.random.default_rng(1)
    logarithm = (scale * rng.standard_normal((1, FRAMES, BINS))).astype("float32")
    change_db = relative_change_db(powers(), logarithm)
    # Sums in float32 are exact to about 1e-6 of the power, which is 0.02 dB of the smallest change.
    for limit_db, share in ((-2.1, 1.0), (-1.0, 0.75), (0.0, 0.5), (1.5, 0.125), (2.1, 0.0)):
        found = applied(powers(), logarithm, change_db + limit_db)
        assert found == pytest.approx(share, abs=0.005)


def test_the_same_gain_everywhere_is_no_change():
    assert not applies(powers(), np.full((1, FRAMES, BINS), 1.5, "float32"), -40.0)


def test_a_correction_is_applied_if_its_gains_are_large_on_average():
    logarithm = np.zeros((1, FRAMES, BINS), "float32")
    logarithm[..., ::2] = -1.0  # 8.47 dB with the limit, in 5 of 9 bins
    mean_db = 20 / np.log(10) * 4 * np.tanh(0.25) * 5 / 9
    assert applies(powers(), logarithm, 100.0, mean_db - 2.01)
    assert applied(powers(), logarithm, 100.0, mean_db) == pytest.approx(0.5, abs=1e-4)
    assert not applies(powers(), logarithm, 100.0, mean_db + 2.01)


def test_bins_without_sound_do_not_count():
    power = powers()
    power[..., 5:] = 0.99e-8
    logarithm = np.zeros((1, FRAMES, BINS), "float32")
    logarithm[..., 5:] = 2.0
    assert not applies(power, logarithm, 100.0, 2.1)
    assert applies(power + 1e-9, logarithm, 100.0, 2.1)


def test_each_window_is_decided_alone():
    power = np.concatenate([powers(), powers(1)])
    logarithm = np.zeros((2, FRAMES, BINS), "float32")
    logarithm[1, :, :4] = 3.0
    (values,) = Abstention1D(-15.0, 100.0)([power, logarithm])
    np.testing.assert_array_equal(np.asarray(values), logarithm)
    (values,) = Abstention1D(-15.0, 100.0)([power[:1], logarithm[1:] * 0.001])
    np.testing.assert_array_equal(np.asarray(values), 0)


def test_silence_is_left_as_it_is():
    silence = np.zeros((1, FRAMES, BINS), "float32")
    assert not applies(silence, np.ones_like(silence), -15.0, 2.1)


def test_a_negative_gain_is_an_error():
    with pytest.raises(ValueError, match="gain_db is -1"):
        Abstention1D(-15.0, -1.0)
