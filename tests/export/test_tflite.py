import subprocess
import sys

import numpy as np
import pytest

from tests.export.conftest import METADATA, WINDOW
from tests.export.signals import notes, signal_to_error_db
from tests.networks import awake
from tfaudiogan import enhance, load_model
from tfaudiogan.audio.levels import gain_to_common_level, measure_level
from tfaudiogan.errors import InputError
from tfaudiogan.export import quantization
from tfaudiogan.export.tflite import QUANTIZATIONS, export_tflite
from tfaudiogan.inference.load import load_keras
from tfaudiogan.inference.metadata import read_metadata, write_metadata
from tfaudiogan.inference.streaming import StreamingEnhancer
from tfaudiogan.models import build_generator
from tfaudiogan.storage import checksum

litert = pytest.importorskip("ai_edge_litert.interpreter")


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Build a network that is wide enough for its kernels to dominate the file."""
    model = awake(build_generator(WINDOW, blocks=1, d_max=0, base_filters=64, reduction=4))
    path = tmp_path_factory.mktemp("wide") / "generator.keras"
    model.save(path)
    write_metadata(path, METADATA)
    return path


@pytest.fixture(scope="module")
def exported(wide):
    paths = {name: wide.with_name(f"{name}.tflite") for name in QUANTIZATIONS}
    return {name: export_tflite(wide, path, name) for name, path in paths.items()}


@pytest.fixture(scope="module")
def expected(wide):
    return enhance(wide, notes(100_001), 44100)


@pytest.mark.parametrize(("name", "least_db"), [("float32", 100), ("float16", 60), ("dynamic", 40)])
def test_equals_the_keras_model(exported, expected, name, least_db):
    output = enhance(exported[name], notes(100_001), 44100)
    assert output.shape == expected.shape
    assert signal_to_error_db(expected, output) > least_db
    if name == "float32":
        np.testing.assert_allclose(output, expected, rtol=0, atol=1e-5)


def test_tensorflow_runs_the_files_where_litert_is_not_installed(exported, expected, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    output = enhance(exported["float32"], notes(100_001), 44100)
    np.testing.assert_allclose(output, expected, rtol=0, atol=1e-5)


def test_sizes(exported):
    float32, float16, dynamic = (exported[name].stat().st_size for name in QUANTIZATIONS)
    assert float16 < 0.7 * float32
    assert dynamic <= float16


@pytest.mark.parametrize(
    ("name", "least_db", "share"),
    [
        ("float16", 100, 0.6),  # the same arithmetic
        ("dynamic", 25, 0.4),  # 8-bit activations besides
    ],
)
def test_rounding_equals_a_network_with_rounded_weights(
    exported, wide, tmp_path, name, least_db, share
):
    content = exported["float32"].read_bytes()
    every_kernel = list(quantization._kernel_sizes(quantization._unpack(content)))
    path = tmp_path / "a.tflite"
    path.write_bytes(quantization._rounded(content, name, every_kernel))
    assert path.stat().st_size < share * len(content)
    write_metadata(path, METADATA)
    model = load_keras(wide)
    for weight in model.weights:
        if "kernel" in weight.path:
            values = weight.numpy()
            scale = np.abs(values).max(axis=(0, 1)) / 127
            eight_bits = np.rint(values / scale) * scale
            weight.assign(values.astype(np.float16) if name == "float16" else eight_bits)
    audio = notes(20_000)
    output = enhance(path, audio, 44100)
    assert signal_to_error_db(enhance(model, audio, 44100), output) > least_db


@pytest.mark.parametrize("name", QUANTIZATIONS)
def test_signature_shapes_and_operators(exported, name):
    interpreter = litert.Interpreter(str(exported[name]))
    assert interpreter.get_signature_list() == {
        "window": {"inputs": ["audio"], "outputs": ["audio"]}
    }
    for (details,) in (interpreter.get_input_details(), interpreter.get_output_details()):
        assert tuple(details["shape"]) == (1, WINDOW)
        assert details["dtype"] == np.float32
    operators = {operator["op_name"] for operator in interpreter._get_ops_details()}
    assert not {name for name in operators if name.startswith(("Flex", "Custom", "CUSTOM"))}
    assert {"CONV_2D", "PRELU"} <= operators


def test_the_signature_runs_by_name(exported):
    window = notes(WINDOW)[np.newaxis]
    runner = litert.Interpreter(str(exported["float32"])).get_signature_runner("window")
    expected = load_model(exported["float32"])(window)
    np.testing.assert_allclose(runner(audio=window)["audio"], expected, atol=1e-6)


@pytest.mark.parametrize("name", QUANTIZATIONS)
def test_metadata_in_the_file(exported, wide, name):
    metadata = read_metadata(exported[name])
    assert (metadata.sample_rate, metadata.window) == (44100, WINDOW)
    assert metadata.source_sha256 == checksum(wide)


def test_streaming_equals_offline_for_random_blocks(exported):
    model = load_model(exported["float32"])
    audio = notes(60_000)
    gain = gain_to_common_level(measure_level(audio))
    enhancer = StreamingEnhancer(model, gain=gain)
    rng = np.random.default_rng(0)
    output, position = [], 0
    while position < len(audio):
        size = int(rng.integers(1, 9000))
        output.append(enhancer.feed(audio[position : position + size]))
        position += size
    output.append(enhancer.flush()[:, 0])
    np.testing.assert_array_equal(np.concatenate(output), enhance(model, audio, 44100))


def test_no_tensorflow_in_the_process(exported, tmp_path):
    code = f"""
import sys
import numpy
import tfaudiogan
audio = numpy.sin(numpy.arange(20000) / 20)
enhanced = tfaudiogan.enhance({str(exported["float32"])!r}, audio, 44100)
assert enhanced.shape == audio.shape and numpy.isfinite(enhanced).all()
sys.exit("tensorflow" in sys.modules or "keras" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("a.tflite", "int8", "about 15 dB"),
        ("a.tflite", "full_int8", "is not supported"),
        ("a.tflite", "float8", "unknown quantization 'float8'"),
        ("a.bin", "float32", r"does not end in \.tflite"),
    ],
)
def test_bad_arguments(source, tmp_path, name, kind, message):
    with pytest.raises(InputError, match=message):
        export_tflite(source, tmp_path / name, kind)
    assert not list(tmp_path.iterdir())
