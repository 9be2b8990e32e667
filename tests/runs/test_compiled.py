"""Runs in graphs, as users train; the other tests of runs work eagerly."""

from dataclasses import replace

import numpy as np
import pytest

from tests.runs.tiny import TINY, SignalAt, assert_same_values, checkpoint, rows
from tests.spectral import SPECTRAL
from tfaudiogan.runs.callbacks import Interrupted
from tfaudiogan.runs.train import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory):
    """Train each kind of generator without an interruption."""
    folder = tmp_path_factory.mktemp("runs")
    kinds = {"waveform": TINY, "spectral": SPECTRAL}
    return {name: train(config, corpus, folder / name) for name, config in kinds.items()}


@pytest.mark.parametrize(
    ("name", "config", "step"),
    [("waveform", TINY, 2), ("waveform", TINY, 3), ("spectral", SPECTRAL, 2)],
)
def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(
    name, config, step, whole, corpus, tmp_path
):
    with pytest.raises(Interrupted, match=f"step {step}"):
        train(config, corpus, tmp_path, callbacks=[SignalAt(step)])
    resumed = train(config, corpus, tmp_path, resume=True)
    assert_same_values(resumed, whole[name])
    assert rows(resumed) == rows(whole[name])


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(whole, corpus, tmp_path):
    again = train(TINY, corpus, tmp_path / "again")
    assert_same_values(again, whole["waveform"])
    other = replace(TINY, training=replace(TINY.training, seed=2))
    different = checkpoint(train(other, corpus, tmp_path / "other"))
    assert not np.array_equal(different["00000"], checkpoint(again)["00000"])
