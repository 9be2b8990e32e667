"""Compare windows with a plain loop and with SciPy."""

import numpy as np
import pytest
import scipy.signal

from tfaudiogan.audio import overlap_add, split_windows
from tfaudiogan.audio.windows import add_windows, check_hop, check_window, periodic_hann

LENGTHS = [0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000]


HOPS = [None, 32, 33, 48, 56, 63]


def windows_by_loop(audio, window, hop):
    overlap = window - hop
    padded = np.concatenate([np.zeros(overlap), audio, np.zeros(2 * window)])
    windows = []
    # Until all samples have both of their windows, or the one that they are in alone.
    while len(audio) and len(windows) * hop < overlap + len(audio):
        windows.append(padded[len(windows) * hop :][:window])
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


def test_windows_of_half_a_hop_are_one_more_than_the_hops():
    for samples in range(1, 300):
        assert len(split_windows(np.zeros(samples), 64)) == -(-samples // 32) + 1


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


def test_overlap_add_is_scipys_sum_of_faded_windows():
    windows = np.random.default_rng(0).standard_normal((5, 64))
    expected = np.zeros(6 * 32)
    for i, window in enumerate(windows):
        expected[i * 32 : i * 32 + 64] += window * scipy.signal.get_window("hann", 64)
    np.testing.assert_allclose(overlap_add(windows, 128), expected[32:160], atol=1e-6)


def test_a_short_overlap_fades_as_scipys_tukey_window():
    windows = np.random.default_rng(0).standard_normal((5, 64))
    # Periodic, with half of its overlap on each side of the flat part.
    fade = scipy.signal.windows.tukey(64, 2 * 16 / 64, sym=False)
    np.testing.assert_allclose(fade[:16] + fade[48:], 1.0, atol=1e-12)
    expected = np.zeros(4 * 48 + 64)
    for i, window in enumerate(windows):
        expected[i * 48 : i * 48 + 64] += window * fade
    np.testing.assert_allclose(overlap_add(windows, 220, 48), expected[16:236], atol=1e-6)


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
    parts, tail = [], np.zeros((64 - hop, 2), np.float32)
    for portion in np.split(windows, cuts):
        part, tail = add_windows(portion, tail)
        parts.append(part)
    audio = np.concatenate(parts)[64 - hop :]
    for channel in range(2):
        expected = overlap_add(windows[..., channel], len(audio), hop)
        np.testing.assert_array_equal(audio[:, channel], expected)


def test_too_few_windows():
    with pytest.raises(ValueError, match="3 windows of 64 hold 64 samples, not 65"):
        overlap_add(np.zeros((3, 64)), 65)


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
