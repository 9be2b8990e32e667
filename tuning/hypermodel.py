"""From a point of the space to the model that is trained, and one round of its training."""

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
    """Ends the round at a time of ``time.monotonic``, after one step at least."""

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self._deadline = deadline

    def on_train_batch_end(self, batch, logs=None) -> None:
        if time.monotonic() >= self._deadline:
            self.model.stop_training = True


class SearchModel(keras_tuner.HyperModel):
    """Builds and fits what ``train`` would, at points of a space.

    All trials begin from one seed and see the same crops in the same order; crops and autoencoder
    are shared between them.

    Args:
        base: configuration that the points are put into.
        space: of the points.
        corpus: the pairs.
        steps: that the learning rate's schedule spans.
        autoencoder: path of the trained autoencoder, read when a point first needs it.
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
        """The configuration that the hyperparameters stand for."""
        return derive(self._base, self._space.complete(hp.values))

    def build(self, hp):
        """The compiled model.

        Raises:
            InputError: when the configuration does not fit together.
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
        """Train for a round, from the step that the model is at, and validate.

        Args:
            hp: that the model was built from.
            model: to train on.
            steps: generator updates, or ...
            deadline: ... time (``time.monotonic``) at which the round ends.
            callbacks: further ones.

        Raises:
            Diverged: when a loss is not a number.
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
