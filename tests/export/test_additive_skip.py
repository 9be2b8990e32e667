"""Test networks that add their input to their output, as those for superres do."""

import numpy as np
import pytest

from tests.export.conftest import METADATA, WINDOW
from tests.export.signals import notes
from tests.networks import awake
from tfaudiogan import enhance, extras
from tfaudiogan.export.onnx import export_onnx
from tfaudiogan.export.saved_model import export_saved_model
from tfaudiogan.export.tflite import export_tflite
from tfaudiogan.inference.metadata import write_metadata
from tfaudiogan.models import build_generator


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("skip") / "generator.keras"
    network = build_generator(WINDOW, 2, d_max=0, base_filters=16, reduction=4, additive_skip=True)
    awake(network).save(path)
    write_metadata(path, METADATA)
    return path


@pytest.mark.parametrize(
    ("name", "export", "packages"),
    [
        ("generator.tflite", export_tflite, ["ai_edge_litert"]),
        ("served", export_saved_model, []),
        ("generator.onnx", export_onnx, ["tf2onnx", "onnx", "onnxruntime"]),
    ],
)
def test_every_format_equals_the_keras_model(trained, tmp_path, name, export, packages):
    if extras.missing(*packages):
        pytest.skip(f"needs {', '.join(packages)}")
    audio = notes(10_000)
    export(trained, tmp_path / name)
    # float32 through the same network on another runtime
    np.testing.assert_allclose(
        enhance(tmp_path / name, audio, 44100), enhance(trained, audio, 44100), rtol=0, atol=1e-5
    )
