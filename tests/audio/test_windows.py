"""Compare windows with a plain loop and with SciPy."""

import numpy as np
import pytest
import scipy.signal

from tfaudiogan.audio import overlap_add, split_windows
from tfaudiogan.audio.windows import add_windows, check_hop, check_window, periodic_hann

LENGTHS = [0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000]


HOPS = [None, 32, 33, 48, 56, 63]


def windows_by_loop(audio, window, hop):
    windows, start = [], 0
    while len(audio):
        if start + window >= len(audio):
            last = audio[max(0, len(audio) - window) :]
            return np.array([*windows, np.append(last, np.zeros(window - len(last)))])
        windows.append(audio[start : start + window])
        start += hop
    return np.array(windows)


@pytest.mark.parametrize("hop", HOPS)
@pytest.mark.parametrize("samples", LENGTHS)
def test_split_is_the_loop(samples, hop):
    audio = np.random.default_rng(samples).standard_normal(samples).astype(np.float32)
    windows = split_windows(audio, 64, hop)
    assert windows.dtype == np.float32
    assert windows.shape[1] == 64
    expected = windows_by_loop(audio, 64, hop or 32)
    np.testing.assert_array_equal(windows, expected.reshape(-1, 64))


def test_every_window_is_full_if_the_signal_is_as_long():
    for samples in range(64, 300):
        windows = split_windows(np.ones(samples), 64)
        assert (windows == 1).all()
        assert len(windows) == -(-samples // 32) - 1


@pytest.mark.parametrize("window", [2, 64, 8192])
def test_hann_is_scipys_and_sums_to_one(window):
    expected = scipy.signal.get_window("hann", window, fftbins=True)
    np.testing.assert_allclose(periodic_hann(window), expected, atol=6e-8)  # float32's rounding
    first, second = np.split(periodic_hann(window), 2)
    np.testing.assert_allclose(first + second, 1.0, atol=1.2e-7)


@pytest.mark.parametrize("samples", LENGTHS)
@pytest.mark.parametrize(
    ("window", "hop"), [(2, 1), (6, 3), (6, 5), (64, 32), (64, 49), (256, 128), (256, 224)]
)
def test_round_trip_first_and_last_samples_too(samples, window, hop):
    audio = np.random.default_rng(samples).uniform(-1, 1, samples).astype(np.float32)
    back = overlap_add(split_windows(audio, window, hop), samples, hop)
    assert back.shape == audio.shape
    np.testing.assert_allclose(back, audio, rtol=0, atol=2e-7)  # two roundings of float32


@pytest.mark.parametrize(("hop", "samples"), [(32, 192), (48, 256)])
def test_overlap_add_is_scipys_sum_of_faded_windows(hop, samples):
    windows = np.random.default_rng(0).standard_normal((5, 64))
    overlap = 64 - hop
    # Periodic, with half of its overlap on each side of the flat part.
    fade = scipy.signal.windows.tukey(64, 2 * overlap / 64, sym=False)
    np.testing.assert_allclose(fade[:overlap] + fade[hop:], 1.0, atol=1e-12)
    expected = np.zeros(4 * hop + 64)
    for i, window in enumerate(windows):
        weights = fade.copy()
        weights[: overlap if i == 0 else 0] = 1.0
        weights[hop if i == 4 else 64 :] = 1.0
        expected[i * hop : i * hop + 64] += window * weights
    assert len(expected) == samples
    np.testing.assert_allclose(overlap_add(windows, samples, hop), expected, atol=1e-6)


def test_the_last_window_is_faded_in_where_it_would_start_without_the_end():
    windows = np.stack([np.zeros(64), np.ones(64)])
    # The second window is samples 10 to 73 of 74, and 48 to 63 are faded.
    expected = np.concatenate([np.zeros(48), periodic_hann(32)[:16], np.ones(10)])
    np.testing.assert_allclose(overlap_add(windows, 74, 48), expected, atol=1e-7)


def test_windows_that_differ_by_a_gain_do_not_click():
    # The worst that a model may do: a gain of its own for each window.
    time = np.arange(20_000)
    windows = split_windows(np.sin(2 * np.pi * time / 100), 1024, 896)
    gains = np.where(np.arange(len(windows)) % 2, 1.0, 0.5)
    output = overlap_add(windows * gains[:, None], 20_000, 896)
    # A fade of 128 samples adds little to the sine's own curvature, a step would add 0.5.
    assert np.abs(np.diff(output, 2)).max() < 1.5 * (2 * np.pi / 100) ** 2


@pytest.mark.parametrize("hop", [32, 50])
@pytest.mark.parametrize("cuts", [(), (1,), (2, 3), (1, 2, 3, 4)])
def test_windows_add_up_the_same_in_any_portions(cuts, hop):
    windows = np.random.default_rng(1).standard_normal((5, 64, 2)).astype(np.float32)
    parts, tail = [], None
    for portion in np.split(windows, cuts):
        part, tail = add_windows(portion, tail, hop)
        parts.append(part)
    audio = np.concatenate([*parts, tail])
    for channel in range(2):
        expected = overlap_add(windows[..., channel], len(audio), hop)
        np.testing.assert_array_equal(audio[:, channel], expected)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_wrong_number_of_windows(count):
    with pytest.raises(ValueError, match=f"65 samples are 2 windows of 64, not {count}"):
        overlap_add(np.zeros((count, 64)), 65)


@pytest.mark.parametrize("window", [-2, 0, 1, 63])
def test_bad_window(window):
    with pytest.raises(ValueError, match=f"window is {window} samples"):
        check_window(window)
    with pytest.raises(ValueError, match=f"window is {window} samples"):
        split_windows(np.zeros(8), window)


@pytest.mark.parametrize("hop", [-1, 0, 31, 64, 100])
def test_bad_hop(hop):
    with pytest.raises(ValueError, match=f"hop is {hop} samples; expected 32 to 63"):
        check_hop(64, hop)
    with pytest.raises(ValueError, match=f"hop is {hop} samples"):
        split_windows(np.zeros(8), 64, hop)
