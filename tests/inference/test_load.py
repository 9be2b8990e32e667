import shutil
from pathlib import Path

import numpy as np
import pytest

from tfaudiogan.errors import InputError
from tfaudiogan.inference import load
from tfaudiogan.inference.load import load_model

MODEL = Path(__file__).parents[2] / "saved_models/piano-mobile/piano-mobile-dynamic.tflite"


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
