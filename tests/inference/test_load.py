import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tfaudiogan.errors import InputError
from tfaudiogan.inference import load
from tfaudiogan.inference.load import load_model
from tfaudiogan.inference.released import find_model, released_models
from tfaudiogan.models import build_autoencoder

MODEL = Path(__file__).parents[2] / "saved_models/piano-mobile/piano-mobile-dynamic.tflite"


def test_an_autoencoder_is_loaded_in_a_process_that_has_imported_no_model(tmp_path):
    path = tmp_path / "autoencoder.keras"
    build_autoencoder(512, blocks=1, base_filters=8).save(path)
    code = (
        "import sys; from tfaudiogan.inference.load import load_keras; "
        "print(load_keras(sys.argv[1]).name)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert done.stdout.strip() == "autoencoder", done.stderr


def test_the_reason_of_keras_is_shortened(tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise TypeError("Could not locate class 'Unknown'. " + "configuration " * 2000)

    monkeypatch.setattr(keras.saving, "load_model", fail)
    with pytest.raises(InputError, match=r"Could not locate class 'Unknown'.*export or train") as e:
        load.load_keras(tmp_path / "model.keras")
    assert len(str(e.value)) < len(str(tmp_path)) + 400


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda windows: 1 / 0, "cannot be run.*division by zero"),
        (lambda windows: windows[:, :-1], "cannot be run.*became"),
    ],
)
def test_a_model_that_fails_when_it_runs_gives_one_line(function, words, tmp_path, monkeypatch):
    path = shutil.copy(MODEL, tmp_path / "model.tflite")
    monkeypatch.setattr(load, "load_tflite", lambda *_: function)
    model = load_model(path)
    with pytest.raises(InputError, match=words) as caught:
        model(np.zeros((1, model.metadata.window), np.float32))
    assert "\n" not in str(caught.value)


def test_a_folder_hides_a_released_model_only_if_it_is_a_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "piano").mkdir()
    assert find_model("piano") == released_models()["piano"].path()
    assert find_model("piano", keras=True) == released_models()["piano"].keras
    (tmp_path / "piano" / "saved_model.pb").touch()
    assert find_model("piano") == Path("piano")
