import dataclasses

import keras
import numpy as np

from tests.experiments.conftest import TINY, with_modern
from tfaudiogan.config import LossWeights, OptimizerConfig
from tfaudiogan.experiments.variants import composite_losses, table1_variants
from tfaudiogan.models import build_autoencoder
from tfaudiogan.training.build import build_model


def test_the_composite_losses_are_equations_20_to_23_with_the_papers_weights():
    assert [row.config.weights for row in composite_losses(TINY)] == [
        LossWeights(time=1.0),
        LossWeights(time=1.0, frequency=10.0),
        LossWeights(time=1.0, feature=0.1),
        LossWeights(time=1.0, adversarial=1e-4),
    ]
    assert composite_losses(TINY)[1].label == "L_time + 10 L_freq"


def test_rows_differ_from_the_base_in_their_loss_and_the_last_in_its_optimiser(monkeypatch):
    modern = with_modern(monkeypatch)
    *paper, last = table1_variants(TINY)
    same = {"weights": TINY.weights, "preset": TINY.preset}
    assert {dataclasses.replace(row.config, **same) for row in paper} == {TINY}
    assert last.config.optimizer == modern.optimizer
    assert dataclasses.replace(last.config, optimizer=TINY.optimizer, **same) == TINY
    assert len(table1_variants(TINY, recipe=False)) == 4


def test_all_rows_start_with_the_same_generator(monkeypatch):
    with_modern(monkeypatch)
    starts = []
    for row in table1_variants(TINY):
        autoencoder = build_autoencoder(TINY.window, **vars(TINY.autoencoder))
        keras.utils.set_random_seed(TINY.training.seed)
        starts.append(build_model(row.config, 3, autoencoder).generator.get_weights())
    assert sum(np.abs(weight).sum() for weight in starts[0]) > 0
    for start in starts[1:]:
        for ours, theirs in zip(start, starts[0], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_rows_keep_what_the_base_says_of_its_optimiser():
    base = dataclasses.replace(TINY, optimizer=OptimizerConfig(learning_rate=3e-4))
    assert {row.config.optimizer for row in composite_losses(base)} == {base.optimizer}
