import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
if keras.backend.backend() != "tensorflow":
    pytest.skip("only TensorFlow is fused", allow_module_level=True)

from tfaudiogan.layers.cpu.normalization import EPSILON, normalized_in_few_passes  # noqa: E402

SHAPE = (3, 16, 64, 8)
SLOPE, KEPT_SCALE = 0.2, 1.25


def plain(x, gamma, beta, kept):
    # tf.nn.moments stops the gradient of the mean, which the second order needs.
    x = x - tf.reduce_mean(x, [1, 2, 3], keepdims=True)
    variance = tf.reduce_mean(tf.square(x), [1, 2, 3], keepdims=True)
    x = gamma * x / tf.sqrt(variance + EPSILON) + beta
    return tf.nn.leaky_relu(x * KEPT_SCALE * tf.cast(kept, x.dtype), SLOPE)


def derivatives(function, arrays, dtype):
    """Return the values, the gradients, and the gradients of the norm of the input gradients."""
    x, gamma, beta, upstream, again = (tf.cast(a, dtype) for a in arrays)
    with tf.GradientTape() as outer:
        outer.watch([x, gamma, beta, upstream])
        with tf.GradientTape() as inner:
            inner.watch([x, gamma, beta])
            outputs = function(x, gamma, beta)
        first = inner.gradient(outputs, [x, gamma, beta], upstream)
        value = tf.reduce_sum(first[0] * again)
    sources = [x, gamma, beta, upstream]
    second = outer.gradient(value, sources, unconnected_gradients="zero")
    return [tensor.numpy() for tensor in (outputs, *first, *second)]


@pytest.mark.parametrize("level", [1.0, 1e-3, 1e-6])
def test_gradients_of_both_orders_are_those_of_the_formula_in_double_precision(level):
    rng = np.random.default_rng(0)
    x, upstream, again = (rng.standard_normal(SHAPE) for _ in range(3))
    gamma, beta = (rng.standard_normal((1, *SHAPE[1:])) for _ in range(2))
    kept = tf.constant(rng.random(SHAPE) >= 0.2)
    arrays = [a.astype("f4") for a in (level * (x + 0.5), gamma, beta, upstream, again)]
    few = normalized_in_few_passes(SLOPE, KEPT_SCALE)
    found = derivatives(lambda *a: few(*a, kept), arrays, "float32")
    expected = derivatives(lambda *a: plain(*a, kept), arrays, "float64")
    for single, double in zip(found, expected, strict=True):
        # float32, sums of 8192 values; a value that rounding moves across the rectifier's corner
        # has another slope, so a few may differ
        wrong = np.abs(single - double) > 1e-5 * np.abs(double).max() + 1e-12
        assert wrong.mean() < 1e-4


def test_without_dropout():
    rng = np.random.default_rng(1)
    x = rng.standard_normal(SHAPE).astype("f4")
    gamma, beta = (rng.standard_normal((1, *SHAPE[1:])).astype("f4") for _ in range(2))
    outputs = normalized_in_few_passes(SLOPE, 1.0)(x, gamma, beta)
    expected = plain(x, gamma, beta, np.ones(SHAPE)) / KEPT_SCALE
    np.testing.assert_allclose(outputs, expected, atol=1e-5)  # float32, values of order 1


def test_second_gradients_through_the_weights_are_refused():
    x, gamma, beta = tf.random.normal(SHAPE), tf.ones((1, *SHAPE[1:])), tf.zeros((1, *SHAPE[1:]))
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(gamma)
            outputs = normalized_in_few_passes(SLOPE, 1.0)(x, gamma, beta)
        first = inner.gradient(outputs, gamma)
    with pytest.raises(NotImplementedError, match="_by_weights is compiled"):
        outer.gradient(first, x)
