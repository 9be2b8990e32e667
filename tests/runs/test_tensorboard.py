import dataclasses
import sys

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.experiments.conftest import TINY
from tfaudiogan.config import OptimizerConfig
from tfaudiogan.errors import InputError
from tfaudiogan.runs import tensorboard
from tfaudiogan.runs.tensorboard import ExcerptSummaries, tensorboard_callbacks
from tfaudiogan.runs.train import train


def events(folder) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    found.Reload()
    return found


def kinds(found: EventAccumulator) -> dict[str, str]:
    return {
        tag: found.SummaryMetadata(tag).plugin_data.plugin_name for tag in found.Tags()["tensors"]
    }


def test_a_run_logs_curves_sound_and_pictures(corpus, tmp_path):
    callbacks = tensorboard_callbacks(tmp_path, corpus, TINY.window, excerpts=2, seconds=0.2)
    train(TINY, corpus, tmp_path, callbacks=callbacks)
    logs = tmp_path / "tensorboard"
    assert "scalars" in kinds(events(logs / "train")).values()
    assert "epoch_snr" in kinds(events(logs / "validation"))
    found = events(logs / "excerpts")
    expected = {}
    for number in range(2):
        for what in ("input", "target", "generated"):
            expected[f"excerpt {number}/{what}"] = "audio"
        expected[f"excerpt {number}: input, generated, target"] = "images"
    assert kinds(found) == expected
    (target,) = found.Tensors("excerpt 0/target")
    assert target.tensor_proto.string_val[0].startswith(b"RIFF")
    (picture,) = found.Tensors("excerpt 0: input, generated, target")
    width, height, image = picture.tensor_proto.string_val
    # 0.2 s at 16 kHz in frames centered on every 128th sample; 3 times 257 bins, 2 lines of 3.
    assert (int(width), int(height)) == (3200 // 128 + 1, 3 * 257 + 2 * 3)
    assert image.startswith(b"\x89PNG")


def test_excerpts_are_the_validation_splits_and_the_same_every_time(corpus, tmp_path):
    first, again = (ExcerptSummaries(tmp_path, corpus, 512, 2, 0.2) for _ in range(2))
    np.testing.assert_array_equal(first._inputs, again._inputs)
    (pair,) = corpus.split("validation")
    whole = corpus.read(pair)[1]
    for target in first._targets:
        places = np.lib.stride_tricks.sliding_window_view(whole, len(target))
        assert np.abs(places - target).max(axis=1).min() == 0


@pytest.mark.parametrize("name", ["tensorflow", "tensorboard"])
def test_a_missing_package_is_named(name, corpus, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=f"needs {name}, .* without --tensorboard"):
        tensorboard_callbacks(tmp_path, corpus, 512)
    assert tensorboard._installed("numpy")


def test_epochs_between_two_logs_are_positive(corpus, tmp_path):
    with pytest.raises(ValueError, match="every_epochs is 0"):
        ExcerptSummaries(tmp_path, corpus, 512, every_epochs=0)


@pytest.mark.slow
def test_excerpts_are_made_with_the_averaged_weights(corpus, tmp_path, monkeypatch):
    seen = []

    def generate(self, audio):
        seen.append([np.array(w) for w in self.model.generator.get_weights()])
        return audio

    monkeypatch.setattr(ExcerptSummaries, "_generate", generate)
    config = dataclasses.replace(TINY, optimizer=OptimizerConfig(ema=0.5))
    train(config, corpus, tmp_path, callbacks=[ExcerptSummaries(tmp_path, corpus, 512, 1, 0.2)])
    # After the only epoch, the best generator also has the average.
    saved = keras.saving.load_model(tmp_path / "generator.keras").get_weights()
    for found, expected in zip(seen[0], saved, strict=True):
        np.testing.assert_array_equal(found, expected)
