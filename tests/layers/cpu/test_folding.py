"""Compare folded convolutions with NumPy, and their gradients with plain convolutions."""

import keras
import numpy as np
import pytest

from tfaudiogan.layers import FoldedConv1D, folded_conv
from tfaudiogan.layers.cpu.folding import fold_ratio, folded_convolution


def by_numpy(inputs, kernel):
    output = np.zeros((*inputs.shape[:2], kernel.shape[2]))
    for channel in range(kernel.shape[1]):
        for f in range(kernel.shape[2]):
            for i, signal in enumerate(inputs[..., channel]):
                # numpy.convolve reverses the kernel; a network's convolution does not
                full = np.convolve(signal, kernel[::-1, channel, f])
                start = kernel.shape[0] // 2
                output[i, :, f] += full[start : start + len(signal)]
    return output


@pytest.mark.parametrize("ratio", [1, 2, 4, 8])
@pytest.mark.parametrize("size", [1, 3, 9, 27, 81])
@pytest.mark.parametrize(("channels", "filters"), [(1, 4), (3, 2)])
def test_equals_numpy(size, ratio, channels, filters):
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((2, 96, channels)).astype("f4")
    kernel = rng.standard_normal((size, channels, filters)).astype("f4")
    output = keras.ops.convert_to_numpy(
        folded_convolution(inputs, keras.ops.convert_to_tensor(kernel), ratio=ratio)
    )
    # sums of up to 243 products of about 1, in float32 in another order
    np.testing.assert_allclose(output, by_numpy(inputs, kernel), atol=1e-4)


@pytest.mark.parametrize(
    ("width", "size", "channels", "filters", "ratio"),
    [
        (8192, 81, 1, 8, 8),
        (8192, 81, 2, 8, 8),
        (8192, 81, 8, 128, 2),
        (8192, 81, 24, 384, 1),
        (8192, 9, 1, 24, 4),
        (8192, 9, 6, 24, 2),
        (8192, 3, 1, 24, 1),
        (8192, 27, 32, 1, 8),
        (68, 81, 1, 8, 4),
        (67, 81, 1, 8, 1),
        (32, 81, 1, 8, 1),
        (None, 81, 1, 8, 1),
    ],
)
def test_ratio(width, size, channels, filters, ratio):
    assert fold_ratio(width, size, channels, filters) == ratio


def test_layer_is_keras_conv1d(monkeypatch):
    kernels = []

    def watched(inputs, kernel, bias):
        kernels.append(kernel.shape)
        return folded_convolution(inputs, kernel, bias)

    monkeypatch.setattr(folded_conv, "folded_convolution", watched)
    plain = keras.layers.Conv1D(2, 27, padding="same", activation="tanh")
    folded = FoldedConv1D(2, 27, activation="tanh")
    inputs = np.random.default_rng(0).standard_normal((2, 64, 16)).astype("f4")
    plain(inputs), folded(inputs)
    folded.set_weights(plain.get_weights())
    # sums of 432 products of about 1, in float32 in another order
    np.testing.assert_allclose(folded(inputs), plain(inputs), atol=1e-5)
    assert set(kernels) == {(27, 16, 2)}
    assert FoldedConv1D.from_config(folded.get_config()).get_config() == folded.get_config()


@pytest.mark.parametrize(
    "bad",
    [{"padding": "valid"}, {"strides": 2}, {"dilation_rate": 2}, {"groups": 2}],
)
def test_layer_refuses_what_it_cannot_fold(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        FoldedConv1D(2, 27, **bad)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.GradientTape")
def test_gradients_equal_the_plain_convolutions():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    inputs = tf.constant(rng.standard_normal((2, 96, 2)), tf.float32)
    kernel = tf.constant(rng.standard_normal((27, 2, 3)), tf.float32)
    gradients = []
    for ratio in (1, 8):
        with tf.GradientTape() as outer:
            outer.watch([inputs, kernel])
            with tf.GradientTape() as inner:
                inner.watch(inputs)
                loss = tf.reduce_sum(tf.tanh(folded_convolution(inputs, kernel, ratio=ratio)))
            penalty = tf.reduce_sum(inner.gradient(loss, inputs) ** 2)
        gradients.append(outer.gradient(penalty, [inputs, kernel]))
    for plain, folded in zip(*gradients, strict=True):
        np.testing.assert_allclose(folded, plain, rtol=1e-4, atol=1e-3 * np.abs(plain).max())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_even_kernel_and_other_types(dtype):
    inputs = keras.ops.ones((1, 64, 1), dtype)
    for size in (4, 81):
        output = folded_convolution(inputs, keras.ops.ones((size, 1, 2), dtype))
        assert output.shape == (1, 64, 2)
        assert keras.backend.standardize_dtype(output.dtype) == dtype
