import numpy as np
import pytest

from tests.export.signals import notes
from tfaudiogan import enhance, extras
from tfaudiogan.errors import InputError
from tfaudiogan.export.onnx import export_onnx
from tfaudiogan.inference.metadata import read_metadata
from tfaudiogan.storage import checksum

needs_onnx = pytest.mark.skipif(
    bool(extras.missing("tf2onnx", "onnx", "onnxruntime")),
    reason="needs the extra onnx",
)


@pytest.fixture(scope="module")
def exported(source, tmp_path_factory):
    return export_onnx(source, tmp_path_factory.mktemp("onnx") / "generator.onnx")


@needs_onnx
def test_equals_the_keras_model(exported, source):
    audio = notes(100_001)
    expected = enhance(source, audio, 44100)
    # float32 through the same network on another runtime
    np.testing.assert_allclose(enhance(exported, audio, 44100), expected, rtol=0, atol=1e-5)


@needs_onnx
def test_is_valid_and_carries_its_metadata(exported, source):
    import onnx

    onnx.checker.check_model(onnx.load(exported), full_check=True)
    metadata = read_metadata(exported)
    assert (metadata.sample_rate, metadata.source_sha256) == (44100, checksum(source))


@needs_onnx
def test_damaged_file(tmp_path):
    (tmp_path / "a.onnx").write_text("hello")
    with pytest.raises(InputError, match="is not a model of tfaudiogan"):
        read_metadata(tmp_path / "a.onnx")


def test_without_the_extra(source, tmp_path, monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"tf2onnx and onnx are not installed; pip install 'tfaudiogan\[onnx\]'"
    ):
        export_onnx(source, tmp_path / "a.onnx")


@needs_onnx
def test_bad_name(source, tmp_path):
    with pytest.raises(InputError, match=r"does not end in \.onnx"):
        export_onnx(source, tmp_path / "a.bin")
