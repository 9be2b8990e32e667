"""Builds and trains the model for a point of the search space."""

import functools
import time
from collections.abc import Sequence
from pathlib import Path

import keras

from tfaudiogan import crops
from tfaudiogan.config import Config
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.runs.callbacks import AveragedWeights, StopOnDivergence
from tfaudiogan.runs.train import load_autoencoder
from tfaudiogan.training.build import build_model, windows_per_step
from tuning.oracles import keras_tuner
from tuning.space import Space, derive


class StopAtTime(keras.callbacks.Callback):
    """Ends the round at a time of ``time.monotonic``, but not before its first step."""

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self._deadline = deadline

    def on_train_batch_end(self, batch, logs=None) -> None:
        if time.monotonic() >= self._deadline:
            self.model.stop_training = True


class SearchModel(keras_tuner.HyperModel):
    """Builds and fits the same models as ``train``, for points of a search space.

    All trials use the same seed, the same crops in the same order, and the same autoencoder.

    Args:
        base: Base configuration, whose values the points replace.
        space: Search space.
        corpus: Corpus of pairs.
        steps: Number of updates that the learning-rate schedule spans.
        autoencoder: Path of the trained autoencoder, which is read when a point first needs it.
    """

    def __init__(
        self, base: Config, space: Space, corpus: Corpus, steps: int, autoencoder: Path
    ) -> None:
        super().__init__(name="tfaudiogan")
        self._base, self._space, self._corpus, self._steps = base, space, corpus, steps
        self._autoencoder = functools.cache(lambda: load_autoencoder(autoencoder, base, corpus))
        self._training = functools.lru_cache(maxsize=4)(self._read)
        self._validation = functools.cache(self._read_validation)

    def declare_hyperparameters(self, hp) -> None:
        self._space.declare(hp)

    def config(self, hp) -> Config:
        """Return the configuration for the hyperparameters."""
        return derive(self._base, self._space.complete(hp.values))

    def build(self, hp):
        """Build and compile the model for the hyperparameters.

        Raises:
            InputError: If the sizes in the configuration do not fit together.
        """
        self._space.declare(hp)
        config = self.config(hp)
        keras.utils.set_random_seed(config.training.seed)
        encoder = self._autoencoder() if config.weights.feature else None
        return build_model(config, self._steps, encoder)

    def fit(
        self,
        hp,
        model,
        *,
        steps: int | None = None,
        deadline: float | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ):
        """Train for one round, continuing from the model's current step, and validate.

        Args:
            hp: Hyperparameters that the model was built from.
            model: Model to train.
            steps: Number of generator updates in the round.
            deadline: Time of ``time.monotonic`` at which the round ends, instead of ``steps``.
            callbacks: Additional callbacks.

        Raises:
            Diverged: If a loss is not finite.
        """
        windows = windows_per_step(self.config(hp), model)
        stop = [] if deadline is None else [StopAtTime(deadline)]
        return model.fit(
            self._training(windows, int(model.optimizer.iterations) * windows),
            steps_per_epoch=steps or 10**9,
            validation_data=self._validation(),
            callbacks=[AveragedWeights(), StopOnDivergence(), *stop, *callbacks],
            shuffle=False,
            verbose=0,
        )

    def _read(self, windows: int, start: int):
        seed = self._base.training.seed
        return crops.training(self._corpus, self._base.window, windows, seed=seed, start=start)

    def _read_validation(self):
        settings = self._base.training
        return crops.grid(
            self._corpus,
            "validation",
            self._base.window,
            settings.batch,
            limit=settings.validation_windows,
        )
