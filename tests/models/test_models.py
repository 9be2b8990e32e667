import json
import zipfile

import keras
import numpy as np
import pytest

from tests.networks import awake_spectral
from tfaudiogan.layers import Inception1D
from tfaudiogan.models import (
    build_autoencoder,
    build_discriminator,
    build_generator,
    build_spectral_generator,
    subpixel_order,
)


def with_output(model):
    """Replace the output convolution, which is initialized to zero, by one that passes all."""
    for network in (model, *model.layers):
        for layer in getattr(network, "layers", ()):
            if layer.name == "output":
                kernel, bias = layer.get_weights()
                values = np.random.default_rng(1).normal(size=kernel.shape)
                layer.set_weights([0.1 * values, bias])
    return model


SMALL = {"blocks": 3, "d_max": 1, "base_filters": 16, "reduction": 4}


@pytest.mark.parametrize(
    ("d_max", "parameters"),
    [(0, 29_989), (1, 87_005), (2, 292_413), (3, 968_413), (4, 3_106_781)],
)
def test_generator_has_the_papers_filters_and_parameters(d_max, parameters):
    generator = build_generator(d_max=d_max)
    assert generator.count_params() == parameters
    filters = [layer.filters for layer in generator.layers if isinstance(layer, Inception1D)]
    down = [2 ** (6 + min(d, d_max)) for d in range(8)]
    assert filters == down + down[::-1]
    for d in range(1, 8):
        inputs = generator.get_layer(f"up_{d}_inception").input
        assert [x.shape[-1] for x in inputs] == [filters[8 + d - 1] // 2, 2 * down[7 - d]]


def test_the_other_networks_parameters_and_bottleneck():
    assert build_discriminator().count_params() == 3_142_693
    autoencoder = build_autoencoder()
    assert autoencoder.count_params() == 39_409
    assert autoencoder.encoder.output_shape == (None, 512, 128)


def test_training_starts_at_silence():
    x = np.random.default_rng(0).normal(size=(2, 64, 1)).astype("float32")
    np.testing.assert_array_equal(build_generator(64, **SMALL)(x), np.zeros_like(x))


@pytest.mark.parametrize("window", [8, 24, 1000])
def test_any_window_that_the_blocks_divide(window):
    x = np.random.default_rng(0).normal(size=(2, window, 1)).astype("float32")
    fixed = with_output(build_generator(window, **SMALL))
    free = build_generator(None, **SMALL)
    free.set_weights(fixed.get_weights())
    output = np.asarray(fixed(x))
    assert output.shape == x.shape
    assert np.abs(output).max() <= 1.0
    np.testing.assert_allclose(free(x), output, atol=1e-6)  # the same sums in another trace


def test_additive_skip_adds_the_input():
    x = np.random.default_rng(0).normal(size=(1, 64, 1)).astype("float32")
    plain = with_output(build_generator(64, **SMALL))
    skip = build_generator(64, **SMALL, additive_skip=True)
    skip.set_weights(plain.get_weights())
    np.testing.assert_allclose(skip(x), np.asarray(plain(x)) + x, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: with_output(build_generator(64, **SMALL)),
        lambda: build_discriminator(64, blocks=3, base_filters=16, dense_units=8),
        lambda: build_discriminator(
            64, blocks=2, base_filters=16, dense_units=8, normalization="batch"
        ),
        lambda: with_output(build_autoencoder(64, blocks=2, base_filters=16)),
    ],
)
def test_save_and_load(make, tmp_path):
    model = make()
    x = np.random.default_rng(0).normal(size=(2, 64, 1)).astype("float32")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded(x), model(x))
    assert np.asarray(model(x)).std() > 1e-3


def without_fields(value, names):
    """A nested configuration without what files had not yet."""
    if isinstance(value, dict):
        return {k: without_fields(v, names) for k, v in value.items() if k not in names}
    return [without_fields(v, names) for v in value] if isinstance(value, list) else value


def as_saved_before_orders(path):
    """Rewrite a .keras file to be as it was before layers had orders, phases and epsilons."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    config = without_fields(json.loads(entries["config.json"]), {"order", "phases", "epsilon"})
    entries["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    "make",
    [
        lambda **options: with_output(build_generator(64, **SMALL, **options)),
        lambda **options: with_output(build_autoencoder(64, blocks=2, base_filters=16, **options)),
        lambda **options: awake_spectral(
            build_spectral_generator(15 * 64, 128, 32, 2, 1, 16, 4, 8, **options)
        ),
    ],
    ids=["generator", "autoencoder", "spectral"],
)
def test_a_model_saved_before_orders_gives_what_it_gave(make, tmp_path):
    blocked, interleaved = make(subpixel="blocked"), make()
    interleaved.set_weights(blocked.get_weights())
    assert (subpixel_order(blocked), subpixel_order(interleaved)) == ("blocked", "interleaved")
    shape = (2, *blocked.input_shape[1:])
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    blocked.save(tmp_path / "old.keras")
    as_saved_before_orders(tmp_path / "old.keras")
    loaded = keras.models.load_model(tmp_path / "old.keras")
    assert subpixel_order(loaded) == "blocked"
    np.testing.assert_array_equal(loaded(x), blocked(x))
    assert np.abs(np.asarray(interleaved(x)) - np.asarray(loaded(x))).max() > 1e-2

    loaded.save(tmp_path / "again.keras")
    again = keras.models.load_model(tmp_path / "again.keras")
    assert subpixel_order(again) == "blocked"
    np.testing.assert_array_equal(again(x), blocked(x))


def test_autoencoder_is_decoder_after_encoder():
    autoencoder = with_output(build_autoencoder(64, blocks=2, base_filters=16))
    x = np.random.default_rng(0).normal(size=(2, 64, 1)).astype("float32")
    features = autoencoder.encoder(x)
    assert features.shape == (2, 16, 32)
    np.testing.assert_allclose(
        autoencoder.get_layer("decoder")(features), autoencoder(x), atol=1e-6
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: build_generator(100), "multiple of 256"),
        (lambda: build_generator(blocks=0), "blocks is 0"),
        (lambda: build_generator(d_max=-1), "d_max is -1"),
        (lambda: build_discriminator(normalization="group"), "'group'"),
        (lambda: build_autoencoder(window=8), "window is 8"),
        (lambda: build_generator(subpixel="mixed"), "order is 'mixed'"),
        (lambda: build_spectral_generator(subpixel="mixed"), "order is 'mixed'"),
    ],
)
def test_bad_sizes_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()
