import keras
import numpy as np
import pytest

from tests.networks import awake_spectral
from tests.spectral import WINDOW
from tfaudiogan.models import (
    build_autoencoder,
    build_generator,
    build_spectral_generator,
    is_spectral,
    with_abstention,
    with_channels,
)

SMALL = {
    "window": WINDOW,
    "n_fft": 128,
    "bands": 32,
    "blocks": 2,
    "d_max": 1,
    "base_filters": 16,
    "reduction": 4,
    "context": 8,
}
"""A small spectral generator: 16 frames of 65 bins."""


def noise(shape=(2, WINDOW, 1), seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, shape).astype("float32")


def small(**changes):
    return build_spectral_generator(**{**SMALL, **changes})


def inception(name, channels, filters):
    """Return the names and shapes of a module's weights at a reduction of 4."""
    branches = [3 * filters // 8, 3 * filters // 8, filters // 8, filters // 8]
    reduced = [max(1, branch // 4) for branch in branches]
    kernels = [
        (f"{name}/kernel_{size}", (size, narrow, branch))
        for size, narrow, branch in zip((3, 9, 27, 81), reduced, branches, strict=True)
    ]
    return [
        (f"{name}/reduce_kernel", (1, channels, sum(reduced))),
        (f"{name}/reduce_bias", (sum(reduced),)),
        *kernels,
        (f"{name}/bias", (filters,)),
    ]


def dense(name, inputs, outputs):
    return [(f"{name}/kernel", (inputs, outputs)), (f"{name}/bias", (outputs,))]


def test_weights_keep_their_names_and_order():
    """Files of this and other programs identify weights by name and order."""
    expected = [
        *dense("summary", 96, 8),
        ("summary_epilogue/slopes", (8,)),
        *dense("summary_2", 8, 8),
        ("summary_2_epilogue/slopes", (8,)),
        *dense("frames", 32, 16),
        *dense("frames_context", 8, 16),
        ("frames_epilogue/slopes", (16,)),
        *inception("down_0_inception", 16, 16),
        ("down_0_epilogue/slopes", (16,)),
        *inception("down_1_inception", 32, 32),
        ("down_1_epilogue/slopes", (32,)),
        *inception("up_0_inception", 64, 32),
        ("up_0_epilogue/slopes", (32,)),
        *inception("up_1_inception", 48, 16),
        ("up_1_epilogue/slopes", (16,)),
        *inception("last_inception", 24, 16),
        *dense("last_context", 8, 16),
        ("last_epilogue/slopes", (16,)),
        *dense("dynamic", 16, 32),
        *dense("static", 8, 32),
    ]
    assert [(w.path, tuple(w.shape)) for w in small().weights] == expected


def test_the_default_has_a_million_parameters():
    model = build_spectral_generator()
    assert model.count_params() == 1_057_504
    assert model.output_shape == (None, 261_120, 1)


def test_training_starts_at_the_identity():
    x = noise()
    np.testing.assert_allclose(small()(x), x, rtol=0, atol=1e-5)


def test_equal_channels_give_the_output_of_one_channel():
    one = awake_spectral(small())
    two = with_channels(one, 2)
    x = noise()
    expected = np.asarray(one(x))
    assert np.abs(expected - x).max() > 0.01
    # the mean of two equal powers is that power
    np.testing.assert_allclose(two(np.repeat(x, 2, -1)), np.repeat(expected, 2, -1), atol=1e-6)


@pytest.mark.parametrize("channels", [None, 2])
def test_all_channels_get_the_same_gains(channels):
    model = with_channels(awake_spectral(small()), channels)
    left = noise()
    panned = np.concatenate([left, np.float32(0.25) * left], axis=-1)
    output = np.asarray(model(panned))
    np.testing.assert_allclose(output[..., 1], 0.25 * output[..., 0], atol=1e-6)
    # and the same in the other order
    np.testing.assert_allclose(model(panned[..., ::-1]), output[..., ::-1], atol=1e-6)


def test_the_gains_depend_on_the_mean_power():
    model = awake_spectral(small())
    loud, silent = noise((1, WINDOW, 1)), np.zeros((1, WINDOW, 1), "float32")
    both = np.concatenate([loud, silent], axis=-1)
    output = np.asarray(with_channels(model, 2)(both))
    # The mean is half of the power, so the gains are those of the loud channel at -3 dB.
    half = np.float32(np.sqrt(0.5))
    np.testing.assert_allclose(output[..., :1] * half, model(loud * half), atol=1e-6)
    np.testing.assert_array_equal(output[..., 1], 0.0)


def test_any_number_of_channels_at_once():
    one = awake_spectral(small())
    free = with_channels(one, None)
    assert free.output_shape == (None, WINDOW, None)
    for channels in (1, 2, 6):
        x = noise((2, WINDOW, channels))
        np.testing.assert_allclose(free(x), with_channels(one, channels)(x), atol=1e-6)


def test_another_number_of_channels_has_the_same_weights():
    model = awake_spectral(small())
    two = with_channels(model, 2)
    assert [w.path for w in two.weights] == [w.path for w in model.weights]
    weight = two.get_layer("mask").get_layer("static").bias
    weight.assign(np.ones(weight.shape))
    np.testing.assert_array_equal(model.get_layer("mask").get_layer("static").bias, 1.0)


@pytest.mark.parametrize("channels", [1, 2, None])
def test_save_and_load(channels, tmp_path):
    model = with_channels(awake_spectral(small()), channels)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = noise((2, WINDOW, channels or 3))
    assert is_spectral(loaded)
    assert loaded.input_shape == (None, WINDOW, channels)
    np.testing.assert_array_equal(loaded(x), model(x))
    again = with_channels(loaded, 4)
    x = noise((1, WINDOW, 4))
    np.testing.assert_allclose(again(x), with_channels(model, 4)(x), atol=1e-6)


def test_replication_begins_near_the_identity_and_adds_weights_at_the_end():
    model = small(replication=16)
    x = noise()
    added = 20 * np.log10(np.std(np.asarray(model(x)) - x) / np.std(x))
    # all copies are at -44.85 dB, and three quarters of the bins have one
    assert added == pytest.approx(-44.85 + 10 * np.log10(3 / 4), abs=1.0)
    plain = [(w.path, tuple(w.shape)) for w in small().weights]
    weights = [(w.path, tuple(w.shape)) for w in model.weights]
    added = [*dense("dynamic_levels", 16, 32), *dense("static_levels", 8, 32)]
    assert weights == [*plain, *added]


def test_replication_fills_an_empty_band_with_the_octave_below():
    model = small(replication=16)
    static = model.get_layer("mask").get_layer("static_levels")
    static.bias.assign(np.full(static.bias.shape, 9.0))
    frequency = 12 / 128  # in the source, the bins from 8 to 16
    x = np.sin(2 * np.pi * frequency * np.arange(WINDOW))[None, :, None].astype("float32")
    output = np.asarray(model(x))[0, 256:-256, 0].astype("float64")
    time = np.arange(256, WINDOW - 256)
    amplitudes = [
        2 * abs(np.mean(output * np.exp(-2j * np.pi * bins / 128 * time)))
        for bins in (12, 20, 28, 36, 44, 52, 60)
    ]
    # a stationary partial gives stationary partials, 8 bins apart and all at the same level
    level = np.exp(12 * np.tanh(9 / 12) - 9) - np.exp(-9)
    np.testing.assert_allclose(amplitudes, [1.0] + [level] * 6, rtol=1e-3)
    partials = np.sum(np.square(amplitudes)) / 2
    np.testing.assert_allclose(np.mean(output**2), partials, rtol=1e-2)


def test_replication_survives_a_file_and_other_channels(tmp_path):
    model = awake_spectral(small(replication=16))
    x = noise((1, WINDOW, 2))
    stereo = with_channels(model, 2)
    without = awake_spectral(small())
    assert np.abs(np.asarray(stereo(x)) - np.asarray(with_channels(without, 2)(x))).max() > 0.01
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(with_channels(loaded, 2)(x), stereo(x))


def test_a_correction_begins_at_zero_and_adds_weights_before_the_levels():
    x = noise()
    np.testing.assert_allclose(small(fine_n_fft=512)(x), x, rtol=0, atol=1e-5)
    model = small(fine_n_fft=512, replication=16)
    plain = [(w.path, tuple(w.shape)) for w in small(replication=16).weights]
    weights = [(w.path, tuple(w.shape)) for w in model.weights]
    thirds = 12  # the lowest of 257 bins' third octaves has the bins from 20 to 25
    added = [
        *dense("correction_1", 8 * thirds, 2),
        ("correction_1_epilogue/slopes", (2,)),
        *dense("correction_2", 2, 2),
        ("correction_2_epilogue/slopes", (2,)),
        *dense("correction", 2, thirds),
    ]
    assert sorted(weights) == sorted([*plain, *added])


def test_a_correction_is_a_gain_for_all_frames():
    """A correction of 6 dB everywhere is a gain of 6 dB, up to the limit of the gains."""
    model = small(fine_n_fft=512)
    correction = model.get_layer("mask").get_layer("correction")
    correction.bias.assign(np.full(correction.bias.shape, np.log(2.0)))
    x = noise()
    expected = np.exp(4 * np.tanh(np.log(2.0) / 4))
    np.testing.assert_allclose(model(x), expected * x, atol=1e-5)


def test_a_correction_survives_a_file_other_channels_and_abstention(tmp_path):
    model = awake_spectral(small(fine_n_fft=512))
    x = noise((1, WINDOW, 2))
    stereo = with_channels(with_abstention(model, -100.0, 0.0), 2)
    without = awake_spectral(small())
    assert np.abs(np.asarray(stereo(x)) - np.asarray(with_channels(without, 2)(x))).max() > 0.01
    np.testing.assert_allclose(stereo(x), with_channels(model, 2)(x), atol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("fine_spectrum").n_fft == 512
    loaded = with_channels(with_abstention(loaded, -100.0, 0.0), 2)
    np.testing.assert_array_equal(loaded(x), stereo(x))


@pytest.mark.parametrize(("replication", "fine_n_fft"), [(None, None), (16, None), (16, 512)])
def test_abstention_returns_its_input_to_the_last_bit_or_changes_nothing(
    replication, fine_n_fft, tmp_path
):
    model = awake_spectral(small(replication=replication, fine_n_fft=fine_n_fft))
    x = noise((2, WINDOW, 1))
    always, never = with_abstention(model, -100.0, 0.0), with_abstention(model, 100.0, 1000.0)
    np.testing.assert_allclose(always(x), model(x), atol=1e-6)
    np.testing.assert_array_equal(never(x), x)
    np.testing.assert_array_equal(with_abstention(never)(x), model(x))
    stereo = noise((2, WINDOW, 3))
    never.save(tmp_path / "never.keras")
    loaded = keras.models.load_model(tmp_path / "never.keras")
    np.testing.assert_array_equal(with_channels(loaded, 3)(stereo), stereo)


def test_abstention_decides_for_each_window_and_for_linked_channels_together():
    model = awake_spectral(small())
    audible, silent = noise((1, WINDOW, 2)), np.zeros((1, WINDOW, 2), "float32")
    x = np.concatenate([audible, silent])
    abstaining = with_channels(with_abstention(model, -100.0, 1000.0), 2)
    output = np.asarray(abstaining(x))
    np.testing.assert_allclose(output, with_channels(model, 2)(x), atol=1e-6)
    assert (output[0] != x[0]).all(-1).any()
    np.testing.assert_array_equal(output[1], 0)


def test_only_spectral_generators_abstain():
    waveform = build_generator(64, blocks=1, d_max=0, base_filters=16, reduction=4)
    with pytest.raises(ValueError, match="'generator' is not spectral"):
        with_abstention(waveform, -15.0, 7.0)


def test_only_spectral_generators_link_channels():
    waveform = build_generator(64, blocks=1, d_max=0, base_filters=16, reduction=4)
    autoencoder = build_autoencoder(64, blocks=2, base_filters=16)
    assert not is_spectral(waveform)
    assert not is_spectral(autoencoder)
    with pytest.raises(ValueError, match="'generator' is not spectral"):
        with_channels(waveform, 2)


def test_a_gain_at_the_input_is_the_same_gain_at_the_output():
    """The network works on logarithms, so 6 dB more at the input are 6 dB more at the output."""
    model = small()
    x = noise()
    np.testing.assert_allclose(model(2 * x), 2 * np.asarray(model(x)), atol=1e-5)


@pytest.mark.parametrize("fine_n_fft", [None, 512])
def test_the_gradient_at_silence_is_finite(fine_n_fft):
    model = awake_spectral(small(fine_n_fft=fine_n_fft))
    x = np.zeros((1, WINDOW, 1), "float32")
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        inputs = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(tf.square(model(inputs) - 1.0))
        gradients = tape.gradient(loss, [inputs, *(w.value for w in model.trainable_variables)])
    elif backend == "jax":
        import jax

        def loss(weights, inputs):
            outputs, _ = model.stateless_call(weights, [], inputs)
            return ((outputs - 1.0) ** 2).sum()

        weights, inputs = jax.grad(loss, argnums=(0, 1))(
            [w.value for w in model.trainable_variables], x
        )
        gradients = [inputs, *weights]
    else:
        pytest.skip(f"no gradient on {backend}")
    assert all(np.isfinite(np.asarray(g)).all() for g in gradients)
    assert np.abs(np.asarray(gradients[0])).max() > 0


def test_half_precision_keeps_the_spectrum_in_single():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small()
    finally:
        keras.config.set_dtype_policy(before)
    x = noise()
    output = model(x)
    assert keras.backend.standardize_dtype(output.dtype) == "float32"
    # The identity is as exact as in single precision; half precision would have an error of 1e-3.
    np.testing.assert_allclose(output, x, rtol=0, atol=1e-5)
    assert model.get_layer("mask").get_layer("dynamic").compute_dtype == "bfloat16"
    for layer in model.layers + model.get_layer("mask").layers:
        if type(layer).__module__.startswith("tfaudiogan") and not layer.weights:
            single = layer.name in ("spectrum", "power", "gain", "signal", "bands", "statistics")
            assert not single or layer.compute_dtype == "float32"


def test_dropout_is_active_only_in_training():
    model = awake_spectral(small(dropout=0.5))
    x = noise()
    np.testing.assert_array_equal(model(x, training=False), model(x, training=False))
    assert np.abs(np.asarray(model(x, training=True)) - np.asarray(model(x))).max() > 1e-4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: small(window=WINDOW + 1), "window is 961 samples; expected 64 times one less"),
        (lambda: small(window=16 * 64), "multiple of 4"),
        (lambda: small(window=None), "window is None"),
        (lambda: small(blocks=0), "0 blocks"),
        (lambda: small(d_max=-1), "d_max is -1"),
        (lambda: small(bands=9), "bands is 9"),
        (lambda: small(n_fft=100), "n_fft 100"),
        (lambda: small(channels=0), "channels is 0"),
        (lambda: small(base_filters=3), "not whole"),
        (lambda: small(replication=18), "replication is 18; expected a multiple of 4 from 4 to 64"),
        (lambda: small(replication=68), "replication is 68"),
        (lambda: small(fine_n_fft=128), "fine_n_fft is 128; expected a power of two above 128"),
        (lambda: small(fine_n_fft=500), "fine_n_fft is 500"),
    ],
)
def test_bad_sizes_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()
