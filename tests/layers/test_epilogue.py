import keras
import numpy as np
import pytest

from tfaudiogan.layers import Epilogue1D, Inception1D
from tfaudiogan.layers.cpu.fused import fuses, fusing

TENSORFLOW = keras.backend.backend() == "tensorflow"
needs_tensorflow = pytest.mark.skipif(not TENSORFLOW, reason="only TensorFlow is fused")
SHAPE = (3, 1024, 64)
KINDS = [(False, None), (False, 0.2), (True, 0.2)]
PHASED = [{}, {"phases": 2, "epsilon": 1e-5}]


def noise(shape, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).standard_normal(shape).astype("f4")


def perturbed(layer, shape=SHAPE):
    layer.build(shape)
    layer.set_weights([w + noise(w.shape, 5, 0.2) for w in layer.get_weights()])
    return layer


def fused_call(layer, x, **options):
    with fusing():
        assert fuses(x.shape)
        return layer(x, **options)


@pytest.mark.parametrize(("slope", "epsilon"), [(None, 1e-3), (0.2, 1e-3), (0.2, 0.1)])
def test_equals_a_sequence_of_keras_layers(slope, epsilon):
    layer = perturbed(Epilogue1D(normalize=True, slope=slope, epsilon=epsilon))
    gamma, beta, *slopes = layer.get_weights()
    norm = keras.layers.LayerNormalization(axis=[1, 2], epsilon=epsilon)
    activation = keras.layers.PReLU(shared_axes=[1]) if slope is None else None
    x = noise(SHAPE)
    norm.build(SHAPE)
    norm.set_weights([gamma, beta])
    expected = norm(x)
    if slope is None:
        activation.build(SHAPE)
        activation.set_weights([slopes[0][None]])
        expected = activation(expected)
    else:
        expected = keras.layers.LeakyReLU(slope)(expected)
    # float32 over sums of 65,536 values of order 1
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


@needs_tensorflow
@pytest.mark.parametrize("options", PHASED, ids=["as before", "in phases"])
@pytest.mark.parametrize(("normalize", "slope"), KINDS)
def test_fused_equals_plain_with_gradients_of_both_orders(normalize, slope, options):
    import tensorflow as tf

    layer = perturbed(Epilogue1D(normalize, slope=slope, **options))
    x, upstream = tf.constant(noise(SHAPE) + 0.3), tf.constant(noise(SHAPE, 1))
    sources = [x, *(v.value for v in layer.trainable_variables)]

    @tf.function
    def derivatives(fuse):
        with fusing(fuse), tf.GradientTape() as outer:
            outer.watch(sources)
            with tf.GradientTape() as inner:
                inner.watch(sources)
                outputs = layer(x)
                value = tf.reduce_sum(tf.tanh(outputs) * upstream)
            first = inner.gradient(value, sources)
            norm = tf.reduce_sum(tf.square(first[0]))
        return [outputs, *first, *outer.gradient(norm, sources, unconnected_gradients="zero")]

    for plain, fused in zip(derivatives(False), derivatives(True), strict=True):
        # float32; the sums are taken in another order
        np.testing.assert_allclose(fused, plain, rtol=1e-4, atol=3e-6 * np.abs(plain).max() + 1e-9)


@needs_tensorflow
def test_fused_dropout_drops_its_share_and_keeps_the_mean():
    layer = perturbed(Epilogue1D(dropout=0.2, slope=0.5, seed=0))
    x = np.ones(SHAPE, "f4")
    first, second = (np.asarray(fused_call(layer, x, training=True)) for _ in range(2))
    kept = 256 / (256 - 51)  # 0.2 of 256, rounded
    assert set(np.unique(first)) == {np.float32(0.0), np.float32(kept)}
    # standard deviation of the share over 196,608 draws: 0.0009
    assert abs((first == 0).mean() - 51 / 256) < 5 * 0.0009
    assert not np.array_equal(first, second)
    assert abs((first == 0)[0].mean() - (first == 0)[1].mean()) < 0.02
    np.testing.assert_array_equal(fused_call(layer, x, training=False), x)


@needs_tensorflow
def test_fused_dropout_repeats_with_its_seed():
    x = noise(SHAPE)
    first, second = (
        np.asarray(fused_call(Epilogue1D(dropout=0.5, slope=0.2, seed=7), x, training=True))
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("shape", [(4, 64, 64), (4, None, 64)])
def test_small_and_unknown_shapes_are_not_fused(shape):
    with fusing():
        assert not fuses(shape)


@needs_tensorflow
def test_half_precision_is_computed_in_single_and_rounded():
    layer = perturbed(Epilogue1D(normalize=True, dtype="mixed_bfloat16"))
    x = keras.ops.cast(noise(SHAPE), "bfloat16")
    with fusing():
        output = layer(x)
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    single = perturbed(Epilogue1D(normalize=True))(keras.ops.cast(x, "float32"))
    # weights, output: 8 bits of mantissa each
    np.testing.assert_allclose(keras.ops.cast(output, "float32"), single, rtol=0.02, atol=0.02)


def test_fusing_is_off_unless_asked_for():
    assert not fuses(SHAPE)
    with fusing():
        with fusing(False):
            assert not fuses(SHAPE)
        assert fuses(SHAPE) is TENSORFLOW


def test_survives_a_config_round_trip():
    layer = Epilogue1D(True, 0.25, 0.1, seed=3)
    copy = Epilogue1D.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_refuses_an_invalid_rate(dropout):
    with pytest.raises(ValueError, match=str(dropout)):
        Epilogue1D(dropout=dropout)


def test_refuses_to_normalize_an_unknown_width():
    with pytest.raises(ValueError, match="width"):
        Epilogue1D(normalize=True).build((None, None, 8))


def test_inception_of_several_inputs_is_that_of_their_concatenation():
    parts = [noise((2, 64, channels), channels) for channels in (8, 16)]
    several, one = Inception1D(16, reduction=4), Inception1D(16, reduction=4)
    joined = np.concatenate(parts, axis=-1)
    several(parts), one(joined)
    several.set_weights([w + noise(w.shape, 9, 0.1) for w in one.get_weights()])
    one.set_weights(several.get_weights())
    assert several.compute_output_shape([p.shape for p in parts]) == (2, 64, 16)
    # float32, sums of up to 24 and 200 products in another order
    np.testing.assert_allclose(several(parts), one(joined), atol=1e-5)
