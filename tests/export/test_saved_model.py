import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.export.c_api import Session
from tests.export.conftest import METADATA, WINDOW
from tests.export.signals import notes
from tests.graphs import function_names, operators
from tfaudiogan import enhance, load_model
from tfaudiogan.audio.levels import measure_level
from tfaudiogan.errors import InputError
from tfaudiogan.export.saved_model import export_saved_model
from tfaudiogan.inference.metadata import ModelMetadata, read_metadata, write_metadata
from tfaudiogan.storage import checksum

# float32 through the same network in other batches; the signals are within [-1, 1].
TOLERANCE = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(scope="module")
def loaded(served):
    return tf.saved_model.load(served / "1")


@pytest.fixture(scope="module")
def reference(source):
    """Run the Keras model row by row with framing and overlap-add in NumPy."""
    model = load_model(source)
    return lambda audio: np.stack([enhance(model, row, METADATA.sample_rate) for row in audio])


def rows(batch, samples):
    """Return rows of different levels."""
    return np.stack([notes(samples, seed=i) * np.float32(0.5**i) for i in range(batch)])


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("samples", [1, 4095, 4096, 4097, 8192, 100_001])
def test_enhance_equals_the_keras_model(loaded, reference, batch, samples):
    audio = rows(batch, samples)
    output = loaded.signatures["enhance"](audio=tf.constant(audio))["audio"].numpy()
    np.testing.assert_allclose(output, reference(audio), **TOLERANCE)


@pytest.mark.parametrize("batch", [1, 3])
def test_window_equals_the_keras_model(loaded, generator, batch):
    audio = rows(batch, WINDOW)[..., np.newaxis]
    output = loaded.signatures["window"](audio=tf.constant(audio))["audio"].numpy()
    np.testing.assert_allclose(output, generator(audio, training=False), **TOLERANCE)


@pytest.mark.parametrize("shape", [(0, 0), (0, 9000), (1, 0), (3, 0)])
def test_empty_input_gives_empty_output(loaded, shape):
    output = loaded.signatures["enhance"](audio=tf.zeros(shape))["audio"]
    assert output.shape == shape


def test_silent_and_faint_rows(loaded, reference):
    audio = np.stack([notes(20_000), np.zeros(20_000, "f4"), notes(20_000) * np.float32(1e-5)])
    assert measure_level(audio[2]) is None
    output = loaded.signatures["enhance"](audio=tf.constant(audio))["audio"].numpy()
    np.testing.assert_allclose(output, reference(audio), **TOLERANCE)


def test_the_default_is_enhance(loaded):
    audio = tf.constant(rows(1, 5000))
    np.testing.assert_array_equal(
        loaded.signatures["serving_default"](audio=audio)["audio"],
        loaded.signatures["enhance"](audio=audio)["audio"],
    )


def test_each_variable_is_stored_once_and_the_optimizer_is_not(served, generator):
    checkpoint = served / "1" / "variables" / "variables"
    sizes = [int(np.prod(shape)) for name, shape in tf.train.list_variables(checkpoint) if shape]
    assert sum(sizes) == generator.count_params()


def test_only_tensorflows_own_operators(served):
    graph_def = Session(served / "1", "serve").meta_graph.graph_def
    used = operators(graph_def)
    assert "Conv2D" in used
    known = {name for name in dir(tf.raw_ops) if not name.startswith("_")}
    assert used - function_names(graph_def) <= known


def test_the_export_contains_the_metadata(served, source, generator):
    metadata = read_metadata(served / "1")
    assert metadata.source_sha256 == checksum(source)
    assert metadata.parameters == generator.count_params()
    text = json.loads((served / "1" / "assets.extra" / "tfaudiogan.json").read_text())
    expected = {"sample_rate": 44100, "window": WINDOW, "hop": WINDOW // 2, "level_dbfs": -20.0}
    assert expected.items() <= text.items()
    assert text["licence"] == "Apache-2.0"


def test_runs_without_this_package(served, tmp_path, reference):
    audio = rows(2, 10_000)
    np.save(tmp_path / "in.npy", audio)
    code = f"""
import sys
for name in ("tfaudiogan", "keras"):
    sys.modules[name] = None  # an import of it fails
import numpy, tensorflow
model = tensorflow.saved_model.load({str(served / "1")!r})
audio = tensorflow.constant(numpy.load("in.npy"))
numpy.save("out.npy", model.signatures["enhance"](audio=audio)["audio"])
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), reference(audio), **TOLERANCE)


@pytest.mark.skipif(sys.platform == "win32", reason="the wheel exports the C API differently")
def test_runs_through_the_c_api(served, generator, reference):
    session = Session(served / "1", "serve")
    assert set(session.meta_graph.signature_def) >= {"enhance", "window", "serving_default"}
    audio = rows(2, 10_000)
    np.testing.assert_allclose(session.run("enhance", audio), reference(audio), **TOLERANCE)
    window = rows(2, WINDOW)[..., np.newaxis]
    expected = generator(window, training=False)
    np.testing.assert_allclose(session.run("window", window), expected, **TOLERANCE)


def test_enhance_accepts_the_export(served, reference):
    audio = rows(1, 10_000)
    for path in (served, served / "1"):
        np.testing.assert_allclose(enhance(path, audio[0], 44100), reference(audio)[0], **TOLERANCE)


def test_the_highest_version_is_loaded(served, tmp_path):
    for version in ("9", "10"):
        shutil.copytree(served / "1", tmp_path / version)
    other = ModelMetadata(8000, WINDOW)
    write_metadata(tmp_path / "10", other)
    assert load_model(tmp_path).metadata == other


def test_no_temporary_files_are_left(served):
    assert [path.name for path in served.iterdir()] == ["1"]


def _text(path):
    path.write_text("hello")
    return path


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda folder: folder / "no.keras", "does not exist"),
        (lambda folder: folder, "is not a .keras file"),
        (lambda folder: _text(folder / "a.tflite"), "is not a .keras file"),
        (lambda folder: _text(folder / "a.keras"), "is not a model of tfaudiogan"),
    ],
)
def test_bad_model(tmp_path, model, message):
    with pytest.raises(InputError, match=message):
        export_saved_model(model(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bad_place_or_version(source, served, tmp_path):
    _text(tmp_path / "file")
    for out, version, message in [
        (served, 1, "already exists; give another version, such as 2"),
        (tmp_path / "out", -1, "version is -1"),
        (tmp_path / "file" / "out", 1, "cannot write"),
    ]:
        with pytest.raises(InputError, match=message):
            export_saved_model(source, out, version)


@pytest.mark.slow
def test_memory_stays_bounded(served, tmp_path):
    """Two minutes of audio need at most half a gigabyte more than one second."""

    def peak(samples):
        code = f"""
import tensorflow
model = tensorflow.saved_model.load({str(served / "1")!r})
model.signatures["enhance"](audio=tensorflow.random.normal((1, {samples})) * 0.1)
status = open("/proc/self/status").read()
print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""
        run = [sys.executable, "-c", code]
        return int(subprocess.run(run, check=True, capture_output=True, text=True).stdout)

    assert peak(120 * 44100) - peak(44100) < 500
