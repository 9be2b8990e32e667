import json
import os
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest

from tests.conftest import write_corpus
from tests.runs.tiny import TINY, SignalAt, assert_same_values, checkpoint, rows
from tfaudiogan.config import Config, LossWeights, OptimizerConfig
from tfaudiogan.errors import InputError
from tfaudiogan.inference.metadata import read_metadata
from tfaudiogan.models import subpixel_order
from tfaudiogan.runs.callbacks import Diverged, Interrupted
from tfaudiogan.runs.train import train
from tfaudiogan.training.build import learning_rate

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory):
    return train(TINY, corpus, tmp_path_factory.mktemp("runs") / "whole")


def test_a_run_folder_holds_everything_that_made_it(whole, corpus):
    assert Config.load(whole.config) == TINY
    facts = json.loads(whole.facts.read_text())
    assert facts["corpus_sha256"] == corpus.checksum
    assert facts["versions"]["keras"] == keras.__version__
    metadata = read_metadata(whole.generator)
    assert (metadata.sample_rate, metadata.window, metadata.task) == (16000, 512, "instrument")
    history = rows(whole)
    assert [row["step"] for row in history] == ["3", "6"]
    shares = [sum(float(r[f"{t}_share"]) for t in ("time", "adversarial")) for r in history]
    np.testing.assert_allclose(shares, 1.0)
    assert all(np.isfinite(float(row["val_snr"])) for row in history)


def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(whole, corpus, tmp_path):
    with pytest.raises(Interrupted, match="step 2"):
        train(TINY, corpus, tmp_path, callbacks=[SignalAt(2)])
    resumed = train(TINY, corpus, tmp_path, resume=True)
    assert_same_values(resumed, whole)
    assert rows(resumed) == rows(whole)


def test_an_extended_run_ends_with_the_weights_of_a_longer_one(corpus, tmp_path):
    config = replace(TINY, optimizer=OptimizerConfig(schedule="step", decay_epochs=1, ema=0.5))
    longer = train(config, corpus, tmp_path / "longer", steps=7)
    train(config, corpus, tmp_path / "extended", steps=3)
    extended = train(config, corpus, tmp_path / "extended", resume=True, steps=7)
    assert_same_values(extended, longer)
    assert rows(extended) == rows(longer)
    assert json.loads(extended.facts.read_text())["steps"] == 7
    again = train(config, corpus, tmp_path / "extended", resume=True)
    assert_same_values(again, longer)


def test_a_budget_in_steps_stops_within_an_epoch(corpus, tmp_path):
    plain = replace(TINY, weights=LossWeights())
    folder = train(plain, corpus, tmp_path, steps=4)
    assert rows(folder)[-1]["step"] == "4"
    assert json.loads(str(checkpoint(folder)["progress"]))["step"] == 4


@pytest.mark.slow
def test_the_feature_loss_pretrains_an_autoencoder_once(corpus, tmp_path):
    feature = replace(TINY, weights=LossWeights(time=1.0, feature=0.1))
    folder = train(feature, corpus, tmp_path / "a", autoencoder_steps=2, steps=1)
    assert folder.autoencoder.is_file()
    other = train(feature, corpus, tmp_path / "b", autoencoder=folder.autoencoder, steps=1)
    assert other.autoencoder.read_bytes() == folder.autoencoder.read_bytes()
    assert rows(other)[-1]["feature"] == rows(folder)[-1]["feature"]


def test_a_warm_start_begins_with_those_weights(whole, corpus, tmp_path):
    still = replace(
        TINY, weights=LossWeights(), optimizer=OptimizerConfig(0.0, schedule="constant")
    )
    folder = train(still, corpus, tmp_path, warm_start=whole.generator, steps=1)
    ours, theirs = (keras.models.load_model(f.generator).get_weights() for f in (folder, whole))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_weights_keep_the_order_of_subpixel_layers_that_they_were_made_for(corpus, tmp_path):
    config = replace(
        TINY, weights=LossWeights(), optimizer=OptimizerConfig(0.0, schedule="constant")
    )
    before = train(config.in_order(None), corpus, tmp_path / "before", steps=2)
    values = json.loads(before.config.read_text())
    assert values["generator"].pop("subpixel") is None
    for later in ("replication", "fine_n_fft"):
        del values["generator"][later]
    before.config.write_text(json.dumps(values))  # as it was saved before there were orders

    train(config, corpus, before.path, steps=2, resume=True)
    before.checkpoint.unlink()
    again = train(config, corpus, before.path, steps=2, resume=True)
    warm = train(config, corpus, tmp_path / "warm", warm_start=before.generator, steps=1)
    fresh = train(config, corpus, tmp_path / "fresh", steps=1)
    for folder, order in ((again, None), (warm, None), (fresh, "interleaved")):
        assert Config.load(folder.config).generator.subpixel == order
        assert subpixel_order(keras.models.load_model(folder.generator)) == (order or "blocked")


def test_divergence_is_reported_with_the_step(corpus, tmp_path):
    wild = replace(
        TINY,
        weights=LossWeights(frequency=3e38),
        optimizer=OptimizerConfig(1e30, schedule="constant"),
    )
    with pytest.raises(Diverged, match=r"loss is (inf|nan).* at step"):
        train(wild, corpus, tmp_path)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({}, {}, "already holds a run"),
        ({"window": 1024}, {"resume": True}, "made with window 512, not 1024"),
        ({}, {"resume": True, "steps": 3}, "made with steps 6, not 3"),
        ({}, {"resume": True, "steps": 12}, "made with steps 6, over which its learning rate"),
        ({}, {"resume": True, "monitor": "val_lsd"}, 'monitor "val_snr", not "val_lsd"'),
        ({}, {"resume": True, "other_corpus": True}, "was trained on"),
        ({}, {"resume": True, "new": True}, "holds no run to resume"),
        ({"window": 511}, {"new": True}, "multiple of 2"),
        ({}, {"new": True, "steps": 0}, "0 steps"),
        ({}, {"new": True, "monitor": "val_srn"}, "cannot monitor 'val_srn'"),
        ({}, {"new": True, "warm_start": __file__}, "cannot start from"),
        (
            {"weights": LossWeights(feature=1.0)},
            {"new": True, "autoencoder": __file__},
            "cannot be loaded",
        ),
    ],
)
def test_bad_input_gives_one_clear_line(change, options, words, whole, corpus, tmp_path):
    options = dict(options)
    folder = tmp_path if options.pop("new", False) else whole.path
    if options.pop("other_corpus", False):
        corpus = write_corpus(tmp_path / "other", seconds=0.5)
    with pytest.raises(InputError, match=words) as caught:
        train(replace(TINY, **change), corpus, folder, **options)
    assert "\n" not in str(caught.value)


def test_schedules_reach_their_known_values():
    step = learning_rate(replace(TINY, optimizer=OptimizerConfig()), 1e-3, 6)
    np.testing.assert_allclose([step(0), step(89), step(90)], [1e-3, 1e-3, 5e-4], rtol=1e-6)
    critic = learning_rate(replace(TINY, optimizer=OptimizerConfig()), 1e-3, 6, updates=5)
    np.testing.assert_allclose([critic(449), critic(450)], [1e-3, 5e-4], rtol=1e-6)
    cosine = learning_rate(TINY, 1e-3, 12)
    np.testing.assert_allclose([float(cosine(s)) for s in (2, 7, 12)], [1e-3, 5e-4, 0.0], atol=1e-9)
    thrice = learning_rate(TINY, 1e-3, 12, updates=3)
    np.testing.assert_allclose([thrice(3 * s) for s in (2, 7, 12)], [1e-3, 5e-4, 0], atol=1e-9)


WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = None
from dataclasses import replace
from tests.conftest import write_corpus
from tests.runs.tiny import TINY
from tfaudiogan.runs.train import train
folder = train(TINY, write_corpus(sys.argv[1] + "/corpus"), sys.argv[1] + "/run", steps=2)
print(folder.generator.stat().st_size)
"""


@pytest.mark.slow
def test_jax_trains_on_a_machine_without_tensorflow(tmp_path):
    pytest.importorskip("jax")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0
