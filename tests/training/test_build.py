"""Build and train configurations of both kinds of generator."""

from contextlib import nullcontext
from dataclasses import replace

import keras
import numpy as np
import pytest

from tests.conftest import without_graphs
from tests.networks import awake_spectral
from tests.runs.tiny import TINY
from tests.spectral import SPECTRAL, WINDOW
from tests.training import networks
from tests.training.networks import values
from tfaudiogan.config import AdversarialConfig, GeneratorConfig, LossWeights, preset
from tfaudiogan.errors import InputError
from tfaudiogan.losses import TERMS
from tfaudiogan.models import build_autoencoder, is_spectral
from tfaudiogan.training.build import build_model, generator_from_config


def sounds(count=4):
    return networks.sounds(count, window=WINDOW)


@pytest.mark.parametrize("config", [TINY, SPECTRAL], ids=["waveform", "spectral"])
def test_the_configuration_selects_the_kind(config):
    generator = generator_from_config(config)
    assert is_spectral(generator) == (config.generator.kind == "spectral")
    assert generator.output_shape == (None, config.window, 1)


def test_every_field_reaches_the_spectral_generator():
    options = replace(SPECTRAL.generator, bands=40, context=12, base_filters=32, dropout=0.25)
    generator = generator_from_config(replace(SPECTRAL, generator=options))
    mask = generator.get_layer("mask")
    assert generator.get_layer("spectrum").n_fft == 128
    assert mask.get_layer("bands").bands == 40
    assert mask.get_layer("summary").units == 12
    assert mask.get_layer("down_0_inception").filters == 32
    assert mask.get_layer("down_1_inception").filters == 64
    assert mask.get_layer("up_1_epilogue").dropout == 0.25


def test_the_preset_for_restoration_builds():
    config = preset("restoration")
    model = build_model(config, 10)
    assert model.generator.count_params() == 1_176_251
    assert model.generator.output_shape == (None, config.window, 1)


@pytest.mark.parametrize(
    ("window", "generator", "words"),
    [
        (WINDOW + 1, {}, "window is 961 samples"),
        (WINDOW, {"bands": 9}, "bands is 9"),
        (WINDOW, {"base_filters": 12}, "multiple of 8"),
    ],
)
def test_a_mismatch_gives_one_clear_line(window, generator, words):
    with pytest.raises(InputError, match=words) as caught:
        options = replace(SPECTRAL.generator, **generator)
        generator_from_config(replace(SPECTRAL, window=window, generator=options))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("term", TERMS)
def test_every_loss_trains_the_spectral_generator(term):
    config = replace(SPECTRAL, weights=LossWeights(**{"time": 0.0, term: 1.0}))
    model = build_model(config, 20)
    x, y = sounds()
    history = model.fit(x, y, batch_size=4, epochs=15, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert np.isfinite(history["snr"]).all()


@pytest.mark.slow
def test_the_feature_loss_trains_the_spectral_generator():
    keras.utils.set_random_seed(0)
    autoencoder = build_autoencoder(WINDOW, blocks=2, base_filters=8)
    layer = autoencoder.get_layer("decoder").get_layer("output")
    layer.set_weights([np.ones_like(w) for w in layer.get_weights()])
    config = replace(SPECTRAL, weights=LossWeights(time=0.0, feature=1.0))
    x, y = sounds()
    history = build_model(config, 20, autoencoder).fit(x, y, batch_size=4, epochs=15, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param(without_graphs, id="eagerly"),
        pytest.param(nullcontext, id="in graphs", marks=pytest.mark.slow),
    ],
)
def test_a_step_of_the_wgan_gp_moves_both_sides(mode):
    config = replace(
        SPECTRAL,
        weights=LossWeights(time=1.0, adversarial=1e-3),
        adversarial=AdversarialConfig(n_critic=2),
    )
    model = build_model(config, 10)
    before = values(model.generator), values(model.discriminator)
    x, y = sounds(8)
    with mode():
        history = model.fit(x, y, batch_size=8, verbose=0).history
    assert np.isfinite([value[0] for value in history.values()]).all()
    for network, old in zip((model.generator, model.discriminator), before, strict=True):
        moved = [not np.array_equal(a, b) for a, b in zip(values(network), old, strict=True)]
        assert any(moved)


@pytest.mark.slow
def test_training_in_half_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_model(SPECTRAL, 10)
    finally:
        keras.config.set_dtype_policy(before)
    awake_spectral(model.generator)
    x, y = sounds()
    history = model.fit(x, y, batch_size=4, epochs=10, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert {weight.dtype for weight in values(model.generator)} == {np.dtype("float32")}


def test_the_waveform_generator_is_built_as_before():
    config = replace(TINY, generator=GeneratorConfig(), window=256)
    assert generator_from_config(config).count_params() == 3_106_781
