"""Test that the released models load, run and document their origin."""

from pathlib import Path

import numpy as np
import pytest

from tfaudiogan import enhance
from tfaudiogan.config import preset
from tfaudiogan.errors import InputError
from tfaudiogan.inference.load import load_keras
from tfaudiogan.inference.metadata import read_metadata
from tfaudiogan.training.build import check_networks

FOLDER = Path(__file__).parents[1] / "saved_models"
MODELS = sorted(path for suffix in ("keras", "tflite") for path in FOLDER.glob(f"*/*.{suffix}"))


def test_there_are_models_of_less_than_45_mb():
    assert MODELS
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 45e6


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_a_released_model_has_a_card_and_runs(path):
    metadata = read_metadata(path)
    assert metadata.licence
    assert metadata.trained_on
    assert metadata.licence in (path.parent / "README.md").read_text(encoding="utf-8")
    rate = metadata.sample_rate
    time = np.arange(rate) / rate
    audio = (0.1 * np.sin(2 * np.pi * 440 * time) * np.exp(-2 * time)).astype("float32")
    output = enhance(path, audio, rate)
    assert output.shape == audio.shape
    assert np.isfinite(output).all()
    level = np.sqrt(np.mean(np.square(output)) / np.mean(np.square(audio)))
    assert 0.1 < level < 10


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in MODELS}), ids=lambda folder: folder.name
)
def test_the_formats_of_a_model_agree(folder):
    audio = (0.1 * np.random.default_rng(0).normal(size=16000)).astype("float32")
    reference = enhance(next(folder.glob("*.keras")), audio, 16000)
    for path in folder.glob("*.tflite"):
        error = enhance(path, audio, 16000) - reference
        # Dynamic-range kernels reach 40 dB on music; noise is harder.
        assert np.sum(error**2) < 1e-3 * np.sum(reference**2), path.name


def test_own_recordings_can_continue_the_released_network():
    """As in the README: `train --preset restoration --warm-start phone-restoration.keras`."""
    weights = load_keras(FOLDER / "phone-restoration/phone-restoration.keras").get_weights()
    check_networks(preset("restoration"), weights)
    with pytest.raises(InputError, match="too small"):
        check_networks(preset("restoration"), weights[1:], "too small")
