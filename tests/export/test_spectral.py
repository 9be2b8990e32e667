"""Test every exported format of a spectral generator, which links a recording's channels."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.export.signals import notes, signal_to_error_db
from tests.networks import awake_spectral
from tests.spectral import WINDOW
from tfaudiogan import enhance, extras, load_model
from tfaudiogan.export.benchmark import benchmark
from tfaudiogan.export.onnx import export_onnx
from tfaudiogan.export.saved_model import export_saved_model
from tfaudiogan.export.tflite import QUANTIZATIONS, export_tflite
from tfaudiogan.inference.load import load_keras
from tfaudiogan.inference.metadata import ModelMetadata, read_metadata, write_metadata
from tfaudiogan.models import build_spectral_generator, with_abstention, with_channels

METADATA = ModelMetadata(44100, WINDOW, channels=2, task="phone", hop=WINDOW - WINDOW // 8)
TOLERANCE = {"rtol": 0, "atol": 1e-5}  # float32 through the same network on another runtime

needs_litert = pytest.mark.skipif(
    bool(extras.missing("ai_edge_litert")), reason="needs the extra tflite"
)
needs_onnx = pytest.mark.skipif(
    bool(extras.missing("tf2onnx", "onnx", "onnxruntime")), reason="needs the extra onnx"
)


def stereo(samples=5000):
    return np.stack([notes(samples), 0.3 * notes(samples, seed=1)], axis=-1)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    keras.utils.set_random_seed(0)  # How much rounding a kernel changes depends on its values.
    model = build_spectral_generator(
        WINDOW,
        128,
        bands=32,
        blocks=2,
        d_max=1,
        base_filters=32,
        reduction=4,
        context=16,
        replication=16,
        fine_n_fft=512,
    )
    path = tmp_path_factory.mktemp("spectral") / "generator.keras"
    awake_spectral(model).save(path)
    write_metadata(path, METADATA)
    return path


@pytest.fixture(scope="module")
def expected(source):
    output = enhance(source, stereo(), 44100)
    assert signal_to_error_db(stereo(), output) < 20  # The model changes the audio.
    return output


@pytest.fixture(scope="module")
def served(source, tmp_path_factory):
    path = tmp_path_factory.mktemp("served") / "phone"
    export_saved_model(source, path)
    return path


@pytest.fixture(scope="module")
def loaded(served):
    return tf.saved_model.load(served / "1")


@pytest.fixture(scope="module")
def lite(source):
    paths = {name: source.with_name(f"{name}.tflite") for name in QUANTIZATIONS}
    return {name: export_tflite(source, path, name) for name, path in paths.items()}


def test_a_keras_file_links_channels_and_treats_mono_as_two_equal_channels(source):
    audio = stereo()
    panned = np.stack([audio[:, 0], 0.25 * audio[:, 0]], axis=-1)
    output = enhance(source, panned, 44100)
    np.testing.assert_allclose(output[:, 1], 0.25 * output[:, 0], atol=1e-6)
    mono = enhance(source, audio[:, 0], 44100)
    twice = enhance(source, np.repeat(audio[:, :1], 2, axis=-1), 44100)
    np.testing.assert_allclose(twice, np.stack([mono, mono], -1), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_keras_model_equals_its_file_without_a_hop(source, channels, tmp_path):
    path = tmp_path / "generator.keras"
    path.write_bytes(source.read_bytes())
    write_metadata(path, dataclasses.replace(METADATA, hop=0))
    audio = np.stack([notes(3000, seed=i) for i in range(channels)], axis=-1)
    np.testing.assert_allclose(
        enhance(load_keras(source), audio, 44100), enhance(path, audio, 44100), atol=1e-6
    )


def test_compiled_inference_gives_the_same_output(source):
    windows = np.stack([stereo(WINDOW)] * 3)
    np.testing.assert_allclose(
        load_model(source, fuse=True)(windows), load_model(source)(windows), atol=1e-5
    )


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_saved_model_equals_the_keras_model(loaded, source, channels):
    audio = np.stack([0.5**i * notes(5000, seed=i) for i in range(channels)], axis=-1)
    batch = np.stack([audio, audio * np.float32(0.1)])
    output = loaded.signatures["enhance"](audio=tf.constant(batch))["audio"].numpy()
    model = with_channels(load_keras(source), channels)
    model.metadata = dataclasses.replace(METADATA, channels=channels)
    for found, row in zip(output, batch, strict=True):
        np.testing.assert_allclose(found, enhance(model, row, 44100), **TOLERANCE)
    window = batch[:, :WINDOW]
    output = loaded.signatures["window"](audio=tf.constant(window))["audio"].numpy()
    np.testing.assert_allclose(output, model(window, training=False), **TOLERANCE)


@pytest.mark.parametrize("shape", [(0, 0, 2), (1, 0, 2), (2, 900, 2)])
def test_nothing_and_silence(loaded, shape):
    output = loaded.signatures["enhance"](audio=tf.zeros(shape))["audio"].numpy()
    np.testing.assert_array_equal(output, np.zeros(shape))


def test_enhance_accepts_the_saved_model(served, expected):
    np.testing.assert_allclose(enhance(served, stereo(), 44100), expected, **TOLERANCE)


@pytest.mark.slow
@needs_litert
@pytest.mark.parametrize(("name", "least_db"), [("float32", 100), ("float16", 60), ("dynamic", 40)])
def test_tflite_equals_the_keras_model(lite, expected, name, least_db):
    assert signal_to_error_db(expected, enhance(lite[name], stereo(), 44100)) > least_db


@pytest.mark.slow
@needs_litert
def test_rounded_kernels_make_the_file_smaller(lite):
    float32, float16, dynamic = (lite[name].stat().st_size for name in QUANTIZATIONS)
    assert float16 < 0.8 * float32
    assert dynamic <= float16


@pytest.mark.slow
@needs_litert
@pytest.mark.parametrize("name", QUANTIZATIONS)
def test_tflite_takes_pairs_of_channels_with_builtin_operators(lite, name):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(lite[name]))
    assert interpreter.get_signature_list() == {
        "window": {"inputs": ["audio"], "outputs": ["audio"]}
    }
    for (details,) in (interpreter.get_input_details(), interpreter.get_output_details()):
        assert tuple(details["shape"]) == (1, WINDOW, 2)
        assert details["dtype"] == np.float32
    operators = {operator["op_name"] for operator in interpreter._get_ops_details()}
    assert not {name for name in operators if name.startswith(("Flex", "Custom", "CUSTOM"))}
    assert read_metadata(lite[name]).channels == 2


@needs_onnx
def test_onnx_equals_the_keras_model(source, expected, tmp_path):
    path = export_onnx(source, tmp_path / "generator.onnx")
    assert read_metadata(path).channels == 2
    np.testing.assert_allclose(enhance(path, stereo(), 44100), expected, **TOLERANCE)


@pytest.fixture(scope="module")
def abstaining(source, tmp_path_factory):
    """The same network, which leaves every window as it is."""
    path = tmp_path_factory.mktemp("abstaining") / "generator.keras"
    with_abstention(load_keras(source), 100.0, 1000.0).save(path)
    write_metadata(path, METADATA)
    return path


def test_a_saved_model_that_abstains_returns_the_recording(abstaining, tmp_path):
    export_saved_model(abstaining, tmp_path / "served")
    np.testing.assert_array_equal(enhance(tmp_path / "served", stereo(), 44100), stereo())


@pytest.mark.slow
@needs_litert
@pytest.mark.parametrize("name", QUANTIZATIONS)
def test_tflite_that_abstains_returns_the_recording(abstaining, name, tmp_path):
    path = export_tflite(abstaining, tmp_path / "generator.tflite", name)
    np.testing.assert_array_equal(enhance(path, stereo(), 44100), stereo())


@needs_onnx
def test_onnx_that_abstains_returns_the_recording(abstaining, tmp_path):
    path = export_onnx(abstaining, tmp_path / "generator.onnx")
    np.testing.assert_array_equal(enhance(path, stereo(), 44100), stereo())


def test_the_metadata_state_the_number_of_channels(source, served):
    assert read_metadata(source).channels == 2
    text = json.loads((served / "1" / "assets.extra" / "tfaudiogan.json").read_text())
    assert text["channels"] == 2
    assert text["hop"] == METADATA.hop > WINDOW // 2


@pytest.mark.slow
@needs_litert
def test_a_model_with_one_channel_in_its_metadata_takes_one(source, tmp_path):
    path = tmp_path / "generator.keras"
    path.write_bytes(source.read_bytes())
    write_metadata(path, dataclasses.replace(METADATA, channels=1))
    exported = export_tflite(path, tmp_path / "one.tflite")
    audio = stereo()
    each = [enhance(exported, audio[:, i] * 1.0, 44100) for i in range(2)]
    alone = [enhance(path, audio[:, i] * 1.0, 44100) for i in range(2)]
    np.testing.assert_allclose(each, alone, **TOLERANCE)


@pytest.mark.slow
def test_every_format_is_measured(source):
    for measured in benchmark(source, threads=[1], seconds=0.05):
        assert measured.error_db > 40
