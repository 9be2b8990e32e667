"""Compare the transform and its inverse with NumPy's."""

import keras
import numpy as np
import pytest

from tfaudiogan.layers import InverseSpectrum1D, Spectrum1D
from tfaudiogan.layers.cpu.fused import fusing


def noise(shape, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, shape).astype("float32")


def complex_spectrum(audio, n_fft):
    real, imaginary = (np.asarray(part, "float64") for part in Spectrum1D(n_fft)(audio))
    return real + 1j * imaginary


def reference(audio, n_fft):
    """The transform in float64 through NumPy, ``(batch, channels, frames, bins)``."""
    hop = n_fft // 2
    padded = np.pad(np.asarray(audio, "float64"), ((0, 0), (hop, hop), (0, 0)))
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft))
    frames = [padded[:, i : i + n_fft] for i in range(0, padded.shape[1] - hop, hop)]
    framed = np.moveaxis(np.stack(frames, 1), 3, 1)
    return np.fft.rfft(framed * window) / np.sqrt(n_fft / 2)


@pytest.mark.parametrize("n_fft", [16, 32, 128, 2048])
def test_the_transform_is_numpys(n_fft):
    audio = noise((2, 4 * n_fft, 3))
    # float32 sums of n_fft products of noise at -20 dBFS: 7 digits, and some 1e-7 of full scale.
    np.testing.assert_allclose(
        complex_spectrum(audio, n_fft), reference(audio, n_fft), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("n_fft", [16, 32, 128, 2048])
def test_the_inverse_is_numpys(n_fft):
    rng = np.random.default_rng(0)
    real, imaginary = rng.normal(0, 0.1, (2, 1, 2, 5, n_fft // 2 + 1)).astype("float32")
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft))
    frames = np.fft.irfft(real.astype("f8") + 1j * imaginary) * window * np.sqrt(n_fft / 2)
    hop = n_fft // 2
    chunks = frames[:, :, 1:, :hop] + frames[:, :, :-1, hop:]
    expected = np.moveaxis(chunks.reshape(1, 2, -1), 1, 2)
    # as above
    np.testing.assert_allclose(InverseSpectrum1D(n_fft)((real, imaginary)), expected, atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own transform")
@pytest.mark.parametrize("n_fft", [16, 2048])
def test_the_fused_transform_has_the_same_values_and_gradients(n_fft):
    import tensorflow as tf

    audio = tf.constant(noise((2, 3 * n_fft, 2)))
    weights = noise((2, 3 * n_fft, 2), seed=1)
    forward, inverse = Spectrum1D(n_fft), InverseSpectrum1D(n_fft)

    def results(enabled):
        with fusing(enabled), tf.GradientTape() as tape:
            tape.watch(audio)
            real, imaginary = forward(audio)
            back = inverse((real * real, imaginary))
            total = tf.reduce_sum(back * weights)
        return real, imaginary, back, tape.gradient(total, audio)

    for ours, theirs in zip(results(True), results(False), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)  # float32


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("n_fft", [16, 2048])
def test_every_sample_comes_back(n_fft, channels):
    audio = noise((2, 3 * n_fft, channels))
    back = InverseSpectrum1D(n_fft)(Spectrum1D(n_fft)(audio))
    np.testing.assert_allclose(back, audio, rtol=0, atol=1e-6)  # float32, twice


def test_white_noise_has_its_variance_in_every_bin():
    power = np.abs(complex_spectrum(noise((1, 128 * 400, 1)), 128)) ** 2
    mean = power[0, 0, 1:-1].mean(axis=0)
    # 400 independent frames give a standard error of 5 %.
    np.testing.assert_allclose(mean, 0.01, rtol=0.25)
    assert mean.mean() == pytest.approx(0.01, rel=0.02)


def test_channels_are_independent():
    audio = noise((1, 64, 2))
    together = complex_spectrum(audio, 16)
    for channel in range(2):
        alone = complex_spectrum(audio[..., channel : channel + 1], 16)
        np.testing.assert_array_equal(together[:, channel], alone[:, 0])


def test_any_number_of_channels_in_one_model():
    inputs = keras.Input((64, None))
    model = keras.Model(inputs, InverseSpectrum1D(16)(Spectrum1D(16)(inputs)))
    assert model.output_shape == (None, 64, None)
    for batch, channels in ((1, 1), (3, 1), (2, 3)):
        audio = noise((batch, 64, channels))
        np.testing.assert_allclose(model(audio), audio, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Spectrum1D(16.0), TypeError, "n_fft is 16.0"),
        (lambda: Spectrum1D(True), TypeError, "n_fft is True"),
        (lambda: Spectrum1D(8), ValueError, "n_fft is 8"),
        (lambda: InverseSpectrum1D(48), ValueError, "n_fft is 48; expected a power of two"),
        (lambda: Spectrum1D(16)(np.zeros((1, 20, 1))), ValueError, "multiple of 8 samples"),
        (lambda: Spectrum1D(16)(keras.Input((None, 1))), ValueError, r"\(None, None, 1\)"),
    ],
)
def test_bad_arguments_are_named(make, error, words):
    with pytest.raises(error, match=words):
        make()
