"""The smallest complete run, and functions that read its folder."""

import csv
import os
import signal

import keras
import numpy as np

from tfaudiogan.config import (
    AdversarialConfig,
    AutoencoderConfig,
    Config,
    DiscriminatorConfig,
    GeneratorConfig,
    LossWeights,
    OptimizerConfig,
    TrainingConfig,
)

TINY = Config(
    window=512,
    generator=GeneratorConfig(blocks=1, d_max=0, base_filters=8, reduction=4, dropout=0.2),
    discriminator=DiscriminatorConfig(blocks=1, base_filters=8, reduction=4, dense_units=4),
    autoencoder=AutoencoderConfig(blocks=1, base_filters=8),
    weights=LossWeights(time=1.0, adversarial=1e-3),
    adversarial=AdversarialConfig(n_critic=1),
    optimizer=OptimizerConfig(schedule="cosine", warmup_steps=2, ema=0.5),
    training=TrainingConfig(epochs=2, steps_per_epoch=3, batch=4, seed=1, validation_windows=8),
)


class SignalAt(keras.callbacks.Callback):
    """Sends the signal of Ctrl-C at step ``step`` of the run."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._step, self._seen = step, 0

    def on_train_batch_begin(self, batch, logs=None) -> None:
        self._seen += 1
        if self._seen == self._step:
            os.kill(os.getpid(), signal.SIGINT)


def checkpoint(folder) -> dict[str, np.ndarray]:
    with np.load(folder.checkpoint) as arrays:
        return {name: arrays[name] for name in arrays.files}


def assert_same_values(found, expected) -> None:
    """Compare all weights and optimizer states of two runs bit by bit."""
    ours, theirs = checkpoint(found), checkpoint(expected)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_array_equal(ours[name], value, err_msg=name)


def rows(folder) -> list[dict[str, str]]:
    with folder.history.open() as stream:
        return [
            {name: value for name, value in row.items() if name != "seconds"}
            for row in csv.DictReader(stream)
        ]
