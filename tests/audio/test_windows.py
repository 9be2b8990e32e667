"""Windows are compared with a plain loop and with SciPy."""

import numpy as np
import pytest
import scipy.signal

from tfaudiogan.audio import overlap_add, split_windows
from tfaudiogan.audio.windows import add_halves, check_window, periodic_hann

LENGTHS = [0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000]


def windows_by_loop(audio, window):
    half = window // 2
    padded = np.concatenate([np.zeros(half), audio, np.zeros(2 * window)])
    count = int(np.ceil(len(audio) / half)) + 1 if len(audio) else 0
    return np.array([padded[i * half : i * half + window] for i in range(count)])


@pytest.mark.parametrize("samples", LENGTHS)
def test_split_is_the_loop(samples):
    audio = np.random.default_rng(samples).standard_normal(samples).astype(np.float32)
    windows = split_windows(audio, 64)
    assert windows.dtype == np.float32
    assert windows.shape[1] == 64
    np.testing.assert_array_equal(windows, windows_by_loop(audio, 64).reshape(-1, 64))


@pytest.mark.parametrize("window", [2, 64, 8192])
def test_hann_is_scipys_and_sums_to_one(window):
    expected = scipy.signal.get_window("hann", window, fftbins=True)
    np.testing.assert_allclose(periodic_hann(window), expected, atol=6e-8)  # float32's rounding
    first, second = np.split(periodic_hann(window), 2)
    np.testing.assert_allclose(first + second, 1.0, atol=1.2e-7)


@pytest.mark.parametrize("samples", LENGTHS)
@pytest.mark.parametrize("window", [2, 6, 64, 256])
def test_round_trip_first_and_last_samples_too(samples, window):
    audio = np.random.default_rng(samples).uniform(-1, 1, samples).astype(np.float32)
    back = overlap_add(split_windows(audio, window), samples)
    assert back.shape == audio.shape
    np.testing.assert_allclose(back, audio, rtol=0, atol=2e-7)  # two roundings of float32


def test_overlap_add_is_scipys_sum_of_faded_windows():
    windows = np.random.default_rng(0).standard_normal((5, 64))
    expected = np.zeros(6 * 32)
    for i, window in enumerate(windows):
        expected[i * 32 : i * 32 + 64] += window * scipy.signal.get_window("hann", 64)
    np.testing.assert_allclose(overlap_add(windows, 128), expected[32:160], atol=1e-6)


@pytest.mark.parametrize("cuts", [(), (1,), (2, 3), (1, 2, 3, 4)])
def test_halves_add_up_the_same_in_any_portions(cuts):
    windows = np.random.default_rng(1).standard_normal((2, 5, 64)).astype(np.float32)
    parts, tail = [], np.zeros((2, 32), np.float32)
    for portion in np.split(windows, cuts, axis=1):
        part, tail = add_halves(portion, tail)
        parts.append(part)
    for channel, audio in zip(windows, np.concatenate([*parts, tail], axis=1), strict=True):
        np.testing.assert_array_equal(audio[32:160], overlap_add(channel, 128))


def test_too_few_windows():
    with pytest.raises(ValueError, match="3 windows of 64 hold 64 samples, not 65"):
        overlap_add(np.zeros((3, 64)), 65)


@pytest.mark.parametrize("window", [-2, 0, 1, 63])
def test_bad_window(window):
    with pytest.raises(ValueError, match=f"window is {window} samples"):
        check_window(window)
    with pytest.raises(ValueError, match=f"window is {window} samples"):
        split_windows(np.zeros(8), window)
