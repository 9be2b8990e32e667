"""One process of a run: ``python -m tests.runs.worker STRATEGY CORPUS RUN OPTIONS``.

The options are JSON: ``dropout`` of both networks, the step to ``interrupt`` at, and those of
``train``. With TensorFlow, ``mirrored`` uses two virtual processors.
"""

import functools
import json
import sys
from dataclasses import replace

import keras
import numpy as np

from tests.runs.tiny import TINY, SignalAt
from tests.training.networks import sounds, tiny_discriminator, tiny_generator, values
from tfaudiogan.config import Config, LossWeights
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.runs.callbacks import Interrupted
from tfaudiogan.runs.devices import choose
from tfaudiogan.runs.train import RunFolder, train
from tfaudiogan.training import WGANGP, build
from tfaudiogan.training.optimizer import AveragingAdam


def two_processors() -> None:
    """Give TensorFlow two virtual processors; this must come before any other use of it."""
    import tensorflow as tf

    one = tf.config.LogicalDeviceConfiguration()
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(processor, [one, one])


def fitted() -> list[np.ndarray]:
    """Return weights, averages, logs and scores of a small GAN after three clipped steps."""
    keras.utils.set_random_seed(0)
    weights = LossWeights(time=10.0, adversarial=1.0)
    model = WGANGP(
        tiny_generator(0.0), tiny_discriminator(0.0), weights=weights, n_critic=1, seed=3
    )
    # With a large epsilon, Adam's steps are smooth in the gradient.
    adam = AveragingAdam(1e-2, epsilon=1e-2, global_clipnorm=0.01, use_ema=True, ema_momentum=0.5)
    model.compile(adam, keras.optimizers.SGD(1e-3))
    x, y = sounds(4 * 2 * 3)
    history = model.fit(x, y, batch_size=4 * 2, shuffle=False, verbose=0).history
    logs = model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)
    averages = [np.array(variable) for variable in adam.variables]
    numbers = [*sorted(history.items()), *sorted(logs.items())]
    return [*values(model), *averages, *(np.ravel(value) for _, value in numbers)]


def run(strategy, corpus, folder, dropout=0.0, interrupt=0, **options) -> RunFolder:
    """Train the tests' smallest GAN, clipped and averaged."""
    devices = choose(strategy)
    config: Config = replace(
        TINY,
        generator=replace(TINY.generator, dropout=dropout),
        optimizer=replace(TINY.optimizer, clip_norm=0.01),
    )
    whole = build.build_discriminator
    build.build_discriminator = functools.partial(whole, dropout=dropout)
    if interrupt:
        options["callbacks"] = [SignalAt(interrupt)]
    try:
        return train(config, corpus, folder, devices=devices, **options)
    finally:
        build.build_discriminator = whole


def main(strategy: str, corpus: str, folder: str, options: str) -> None:
    if strategy == "mirrored" and keras.backend.backend() == "tensorflow":
        two_processors()
    try:
        run(strategy, Corpus.load(corpus), folder, **json.loads(options))
    except Interrupted:
        print("interrupted")


if __name__ == "__main__":
    main(*sys.argv[1:])
