"""One process of a run: ``python -m tests.runs.worker STRATEGY CORPUS RUN OPTIONS``.

The options are JSON: ``dropout`` of both networks, the step to ``interrupt`` at, and those of
``train``. With TensorFlow, ``mirrored`` uses two virtual processors.
"""

import functools
import json
import sys
from dataclasses import replace

import keras

from tests.runs.tiny import TINY, SignalAt
from tfaudiogan.config import Config
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.runs.callbacks import Interrupted
from tfaudiogan.runs.devices import choose
from tfaudiogan.runs.train import RunFolder, train
from tfaudiogan.training import build


def two_processors() -> None:
    """Give TensorFlow two virtual processors; this must come before any other use of it."""
    import tensorflow as tf

    one = tf.config.LogicalDeviceConfiguration()
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(processor, [one, one])


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
