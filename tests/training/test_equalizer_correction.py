"""Test how the correction of phone-restoration's static equalizer is trained."""

import importlib

import keras
import numpy as np
import pytest

from tests.conftest import write_corpus
from tests.scripts import FOLDER, load_script
from tfaudiogan.errors import InputError
from tfaudiogan.inference.load import load_keras
from tfaudiogan.inference.metadata import ModelMetadata, read_metadata, write_metadata
from tfaudiogan.layers import PowerSpectrum1D, Spectrum1D
from tfaudiogan.models import build_generator


@pytest.fixture(scope="module")
def scripts():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield load_script("correct"), importlib.import_module("train")


@pytest.fixture(scope="module")
def excerpts(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("excerpts"), 44_100, 6.0, (3, 1, 1), "phone")


@pytest.fixture(scope="module")
def start(scripts, tmp_path_factory):
    """A generator without a correction, whose equalizer falls and which makes copies."""
    _, train = scripts
    path = tmp_path_factory.mktemp("start") / "start.keras"
    generator = train.new_generator()
    bias = np.linspace(0.5, -0.5, 256, dtype="float32")
    train.band_network(generator).get_layer("static").bias.assign(bias)
    generator.save(path)
    write_metadata(path, ModelMetadata(44_100, 261_120, channels=2, task="phone"))
    return path


@pytest.fixture(scope="module")
def measured(scripts, excerpts, start, tmp_path_factory):
    correct, _ = scripts
    generator = correct.with_correction(load_keras(start))
    cache = tmp_path_factory.mktemp("cache")
    found = correct.Measurer(generator, "start", cache)(excerpts)
    again = correct.Measurer(generator, "start", cache)(excerpts)
    for name, values in found.items():
        np.testing.assert_array_equal(values, again[name])
    return generator, found


def test_sums_tell_what_a_curve_does_to_the_si_sdr(scripts, excerpts, measured, tmp_path):
    correct, train = scripts
    generator, sums = measured
    curve = np.sin(np.arange(256) / 30.0).astype("float32")
    bands, _ = correct.bands_of(excerpts, tmp_path)
    logarithms = np.float32(bands)
    powers, target = np.exp(logarithms[:, 0]), np.exp(logarithms[:, 1])
    product = logarithms[:, 2] * np.sqrt(powers * target)
    log_gains, log_levels = train.band_network(generator)(powers)
    expected = train.measures(powers, target, product, log_gains + curve, 0.0 * log_levels)[0]
    gains = 4 * (np.tanh((sums["log_gains"] + curve) / 4) - np.tanh(sums["log_gains"] / 4))
    gains = np.exp(gains)
    found = correct.si_sdr_of(
        sums["product"] * gains, sums["power"] * gains**2, sums["target_power"]
    )
    np.testing.assert_allclose(found, expected, atol=0.01)  # sums in float32


def test_ratios_stand_for_those_of_all_frames(scripts, excerpts, measured, tmp_path):
    """The mean magnitude of the ratios in dB is the mel distance of the network's output."""
    correct, train = scripts
    generator, sums = measured
    bands, _ = correct.bands_of(excerpts, tmp_path)
    powers, target = np.exp(np.float32(bands[:, 0])), np.exp(np.float32(bands[:, 1]))
    outputs = train.band_network(generator)(powers)
    expected = train.measures(powers, target, 0.0 * target, *outputs)[2]
    found = 10 / np.log(10) * np.abs(sums["ratios"]).mean(axis=(1, 2))
    np.testing.assert_allclose(found, expected, rtol=0.05)


def test_inputs_are_those_of_the_generators_correction(scripts, excerpts, measured):
    correct, _ = scripts
    generator, sums = measured
    pair = next(iter(excerpts.split("train")))
    signal = correct.center_of(excerpts, pair)[:1, :, np.newaxis]
    mask = generator.get_layer("mask")
    inside = keras.Model(mask.inputs, mask.get_layer("fine_summary").output)
    powers = [
        PowerSpectrum1D()(Spectrum1D(n_fft)(np.pad(signal, ((0, 0), (0, end), (0, 0)))))
        for n_fft, end in ((2048, 0), (16_384, 1024))
    ]
    found = np.asarray(inside(powers))[0, 0]
    np.testing.assert_allclose(sums["inputs"][0], found, atol=2e-3)  # bands are kept in float16


def test_training_finds_a_correction_that_the_inputs_tell(scripts, measured):
    """Half of the inputs have lost 10 dB of their lows, and these have another statistic."""
    correct, _ = scripts
    generator = measured[0]
    rng = np.random.default_rng(0)
    count, bands, inputs = 256, 256, measured[1]["inputs"].shape[1]
    lost = np.ones((count, bands), "float32")
    lost[::2, :64] = 10 ** (-10 / 20)
    target = rng.exponential(1.0, (count, bands)).astype("float32")
    target /= target.sum(1, keepdims=True)
    statistics = rng.normal(size=(count, inputs)).astype("float32")
    statistics[::2, :7] += 5.0
    made = {
        "inputs": statistics,
        "product": target * lost,
        "power": target * lost**2,
        "input_product": target * lost,
        "input_power": target * lost**2,
        "target_power": target,
        "log_gains": np.zeros((count, bands), "float32"),
        "ratios": np.repeat((-2.0 * np.log(lost) @ correct.MEL)[:, np.newaxis], 8, axis=1),
    }

    def trained():
        keras.utils.set_random_seed(0)
        trainer = correct.Trainer(generator, made, 0)
        losses = []
        trainer.train(30, losses.append)
        return trainer, losses

    trainer, losses = trained()
    assert losses[-1] < losses[0] - 0.2
    normalized = (statistics - trainer.mean) / trainer.deviation
    curves = np.asarray(trainer.curve(trainer.network(normalized[:, np.newaxis])))[:, 0]
    gained = (curves[::2, 20:50].mean() - curves[1::2, 20:50].mean()) * 20 / np.log(10)
    assert 4.0 < gained < 12.0

    layer = generator.get_layer("mask").get_layer
    for gains in (1.0, 0.5):
        trainer.give_weights(gains)
        x = statistics.copy()
        x[:, -27:] *= gains  # the log gains of the rest of the network
        x = x[:, np.newaxis]
        for name in ("correction_1", "correction_2"):
            x = layer(f"{name}_epilogue")(layer(name)(x))
        found = layer("correction_curve")(layer("correction")(x))[:, 0]
        # Normalization and scale moved into the weights.
        np.testing.assert_allclose(found, gains * curves, atol=1e-3)
    weights = trainer.network.get_weights()
    for one, other in zip(weights, trained()[0].network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_generator_keeps_its_other_weights(scripts, excerpts, start, tmp_path):
    correct, train = scripts
    out = tmp_path / "corrected.keras"
    correct.main(
        [excerpts.folder], start, out, epochs=2, gains=1.0, abstention=(-15.0, 8.0), cache=tmp_path
    )
    corrected = load_keras(out)
    expected = train.band_network(load_keras(start)).get_weights()
    for one, other in zip(train.band_network(corrected).get_weights(), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.abs(corrected.get_layer("mask").get_layer("correction").get_weights()[0]).max() > 0
    assert corrected.get_layer("abstention").change_db == -15.0
    assert read_metadata(out).parameters == corrected.count_params()


def test_another_network_is_named(scripts):
    with pytest.raises(InputError, match="--start has another network"):
        scripts[0].with_correction(build_generator(64, blocks=1, base_filters=16, reduction=4))


@pytest.mark.parametrize(
    ("out", "abstention", "message"),
    [("model.tflite", None, "does not end with .keras"), ("m.keras", (-15.0, -1.0), "is -1 dB")],
)
def test_options_are_checked_before_anything_is_read(scripts, tmp_path, out, abstention, message):
    correct, _ = scripts
    with pytest.raises(InputError, match=message):
        correct.main([tmp_path], tmp_path / "missing.keras", tmp_path / out, abstention=abstention)
