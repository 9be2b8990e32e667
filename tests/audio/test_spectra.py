import numpy as np
import pytest
from scipy import signal

from tfaudiogan.audio.spectra import mel_filters, power_spectrogram


@pytest.mark.parametrize(("n_fft", "hop"), [(512, 128), (256, 64), (64, 16)])
def test_power_spectrogram_equals_numpys_transform_of_each_frame(n_fft, hop):
    x = np.random.default_rng(0).normal(size=(2, 2000))
    window = signal.get_window("hann", n_fft, fftbins=True)
    frames = 1 + (x.shape[1] - n_fft) // hop
    expected = []
    for row in x:
        spectra = [np.fft.rfft(row[i * hop : i * hop + n_fft] * window) for i in range(frames)]
        expected.append(np.abs(np.array(spectra)) ** 2 / np.square(window).sum())
    ours = np.asarray(power_spectrogram(x.astype("float32"), n_fft, hop))
    # float32 FFTs against float64: relative to the largest bin.
    np.testing.assert_allclose(ours, expected, atol=1e-5 * np.max(expected))


def test_white_noise_has_its_variance_in_every_bin():
    noise = np.random.default_rng(0).normal(scale=0.1, size=(8, 20_000)).astype("float32")
    for n_fft in (256, 1024):
        power = np.asarray(power_spectrogram(noise, n_fft, n_fft)).mean(axis=(0, 1))
        # Means of 150 to 600 exponentially distributed values, except in the real edge bins.
        np.testing.assert_allclose(power.mean(), 0.01, rtol=0.02)


def test_too_short_a_signal_is_refused():
    with pytest.raises(ValueError, match="100 samples"):
        power_spectrogram(np.zeros((1, 100), "float32"), 512, 128)


def test_mel_filters_are_triangles_of_unit_sum():
    filters = mel_filters(40, 1024, 16000)
    assert filters.shape == (513, 40)
    np.testing.assert_allclose(filters.sum(axis=0), 1.0, rtol=1e-5)
    peaks = filters.argmax(axis=0)
    assert (np.diff(peaks) > 0).all()
    top = 2595 * np.log10(1 + 8000 / 700)
    centers = 700 * (10 ** (np.linspace(0, top, 42)[1:-1] / 2595) - 1)
    np.testing.assert_allclose(peaks * 16000 / 1024, centers, atol=16000 / 1024)
