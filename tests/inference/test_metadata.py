import dataclasses
import json
import zipfile

import numpy as np
import pytest

from tfaudiogan.errors import InputError
from tfaudiogan.inference.metadata import ENTRY, ModelMetadata, read_metadata, write_metadata

METADATA = ModelMetadata(
    sample_rate=16000,
    window=64,
    level_dbfs=-18.0,
    task="phone",
    preset="mobile",
    trained_on="Seeded pieces, größtenteils für Klavier",
    data_sha256="ab" * 32,
    licence="CC0-1.0",
    steps=1200,
    parameters=29_989,
    scores={"snr": 2.5, "lsd": 1.1},
)
BYTES = np.random.default_rng(0).bytes(5000)


def make_keras(folder):
    path = folder / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", BYTES)
    return path


def make_tflite(folder):
    path = folder / "model.tflite"
    path.write_bytes(BYTES)
    return path


def make_saved_model(folder):
    path = folder / "model"
    path.mkdir()
    (path / "saved_model.pb").write_bytes(BYTES)
    return path


MAKERS = [make_keras, make_tflite, make_saved_model]


def test_json_round_trip_and_hop():
    assert ModelMetadata.from_json(METADATA.to_json()) == METADATA
    assert METADATA.hop == 32
    assert json.loads(METADATA.to_json())["hop"] == 32


def test_the_hop_is_half_of_the_window_unless_the_model_says_otherwise():
    assert ModelMetadata.from_json('{"sample_rate": 8000, "window": 64}').hop == 32
    metadata = ModelMetadata(8000, 64, hop=56)
    assert json.loads(metadata.to_json())["hop"] == 56
    assert ModelMetadata.from_json(metadata.to_json()) == metadata
    assert dataclasses.replace(metadata, steps=3).hop == 56


@pytest.mark.parametrize("hop", [-1, 31, 64])
def test_bad_hop(hop):
    with pytest.raises(ValueError, match=f"hop is {hop} samples; expected 32 to 63"):
        ModelMetadata(8000, 64, hop=hop)


def test_json_of_a_later_version_is_read():
    text = json.dumps({"sample_rate": 8000, "window": 4, "something_new": [1]})
    assert ModelMetadata.from_json(text) == ModelMetadata(8000, 4)


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "{}", '{"sample_rate": 0, "window": 4}', "nonsense"]
)
def test_json_that_is_not_metadata(text):
    with pytest.raises(ValueError):
        ModelMetadata.from_json(text)


@pytest.mark.parametrize(("rate", "window"), [(0, 64), (-1, 64), (44100, 0), (44100, 63)])
def test_bad_values(rate, window):
    with pytest.raises(ValueError, match="expected"):
        ModelMetadata(rate, window)


@pytest.mark.parametrize("make", MAKERS)
def test_written_into_the_model_and_read_back(tmp_path, make):
    path = make(tmp_path)
    write_metadata(path, ModelMetadata(8000, 4))
    write_metadata(path, METADATA)  # replaces
    assert read_metadata(path) == METADATA
    assert read_metadata(str(path)) == METADATA


def test_the_content_of_the_file_is_kept(tmp_path):
    keras_path, tflite_path = make_keras(tmp_path), make_tflite(tmp_path)
    for _ in range(2):
        for path in (keras_path, tflite_path):
            write_metadata(path, METADATA)
    with zipfile.ZipFile(keras_path) as archive:
        assert archive.namelist() == ["config.json", "model.weights.h5", ENTRY]
        assert archive.read("model.weights.h5") == BYTES
        assert archive.testzip() is None
    assert tflite_path.read_bytes()[: len(BYTES)] == BYTES
    with zipfile.ZipFile(tflite_path) as archive:
        assert archive.namelist() == [ENTRY]


@pytest.mark.parametrize("make", MAKERS)
def test_a_file_without_metadata(tmp_path, make):
    path = make(tmp_path)
    with pytest.raises(InputError, match=r"is not a model of tfaudiogan \(no tfaudiogan\.json"):
        read_metadata(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.keras does not exist"):
        read_metadata(tmp_path / "nothing.keras")
