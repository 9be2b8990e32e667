"""Compare the spectrogram for figures with SciPy's."""

import numpy as np
import pytest
from scipy import signal

from tfaudiogan.audio.spectrogram import centered_spectrogram


@pytest.mark.parametrize("samples", [300, 1000, 4096])
def test_power_is_scipys(samples):
    audio = np.random.default_rng(samples).standard_normal(samples)
    hann = signal.get_window("hann", 256)
    transform = signal.ShortTimeFFT(hann, hop=64, fs=1.0, fft_mode="onesided")
    padded = np.pad(audio, 128, "reflect")
    count = samples // 64 + 1
    expected = np.abs(transform.stft(padded, p0=2, p1=2 + count)) ** 2
    found = centered_spectrogram(audio, 256)
    assert found.shape == (129, count)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * expected.max())


@pytest.mark.parametrize("samples", [1, 64, 128, 129])
def test_short_signals_have_frames_too(samples):
    found = centered_spectrogram(np.ones(samples, np.float32), 256)
    assert found.shape == (129, samples // 64 + 1)
    assert np.isfinite(found).all() and found.max() > 0
