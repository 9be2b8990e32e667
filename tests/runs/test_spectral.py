"""Test that a run of the spectral generator resumes exactly and supports stereo."""

import pytest

from tests.runs.tiny import SignalAt, assert_same_values, rows
from tests.spectral import SPECTRAL, WINDOW
from tfaudiogan.config import Config
from tfaudiogan.inference.load import load_keras
from tfaudiogan.inference.metadata import read_metadata
from tfaudiogan.models import is_spectral
from tfaudiogan.runs.callbacks import Interrupted
from tfaudiogan.runs.train import train

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory):
    return train(SPECTRAL, corpus, tmp_path_factory.mktemp("runs") / "whole")


def test_the_run_records_that_its_model_links_channels_and_overlaps_by_an_eighth(whole):
    assert Config.load(whole.config) == SPECTRAL
    metadata = read_metadata(whole.generator)
    assert (metadata.window, metadata.channels) == (WINDOW, 2)
    assert metadata.hop == WINDOW - WINDOW // 8
    assert is_spectral(load_keras(whole.generator))


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(whole, corpus, tmp_path):
    with pytest.raises(Interrupted, match="step 2"):
        train(SPECTRAL, corpus, tmp_path, callbacks=[SignalAt(2)])
    resumed = train(SPECTRAL, corpus, tmp_path, resume=True)
    assert_same_values(resumed, whole)
    assert rows(resumed) == rows(whole)
