"""Folded convolutions against NumPy's, and their gradients against the plain convolution's."""

import keras
import numpy as np
import pytest

from tfaudiogan.layers.folding import convolve, fold_ratio


def by_numpy(inputs, kernel):
    output = np.zeros((*inputs.shape[:2], kernel.shape[2]))
    for channel in range(kernel.shape[1]):
        for f in range(kernel.shape[2]):
            for i, signal in enumerate(inputs[..., channel]):
                # numpy.convolve turns the kernel round; a network's convolution does not
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
        convolve(inputs, keras.ops.convert_to_tensor(kernel), ratio)
    )
    # sums of up to 243 products of about 1, in float32 in another order
    np.testing.assert_allclose(output, by_numpy(inputs, kernel), atol=1e-4)


@pytest.mark.parametrize(
    ("width", "size", "channels", "ratio"),
    [
        (8192, 81, 1, 8),
        (8192, 81, 2, 8),
        (8192, 81, 8, 2),
        (8192, 81, 24, 1),
        (8192, 9, 1, 4),
        (8192, 9, 6, 2),
        (8192, 3, 1, 1),
        (68, 81, 1, 4),
        (67, 81, 1, 1),
        (32, 81, 1, 1),
        (None, 81, 1, 1),
    ],
)
def test_ratio(width, size, channels, ratio):
    assert fold_ratio(width, size, channels) == ratio


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
                loss = tf.reduce_sum(tf.tanh(convolve(inputs, kernel, ratio)))
            penalty = tf.reduce_sum(inner.gradient(loss, inputs) ** 2)
        gradients.append(outer.gradient(penalty, [inputs, kernel]))
    for plain, folded in zip(*gradients, strict=True):
        np.testing.assert_allclose(folded, plain, rtol=1e-4, atol=1e-3 * np.abs(plain).max())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_even_kernel_and_other_types(dtype):
    inputs = keras.ops.ones((1, 64, 1), dtype)
    for size in (4, 81):
        output = convolve(inputs, keras.ops.ones((size, 1, 2), dtype))
        assert output.shape == (1, 64, 2)
        assert keras.backend.standardize_dtype(output.dtype) == dtype
