"""Small corpora that several tests use."""

import os
from contextlib import contextmanager

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.writing import CorpusWriter


def write_corpus(folder, sample_rate=16000, seconds=1.0, tracks=(3, 1, 1), task="instrument"):
    """Write a corpus of decaying tones; each target is a softer input with an added overtone."""
    rng = np.random.default_rng(0)
    writer = CorpusWriter(folder, task, sample_rate)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    for split, count in zip(("train", "validation", "test"), tracks, strict=True):
        for number in range(count):
            tone = np.zeros_like(time)
            for _ in range(4):
                frequency, start = rng.uniform(100, 1500), rng.uniform(0, seconds / 2)
                after = np.maximum(time - start, 0)
                tone += np.sin(2 * np.pi * frequency * after) * np.exp(-3 * after)
            tone = 0.1 * tone + 1e-4 * rng.normal(size=len(time))
            writer.record(
                writer.write_pair(
                    tone,
                    0.5 * tone + 0.1 * tone**2,
                    name=f"{split}/{number}",
                    split=split,
                    source="made",
                    source_sha256=str(number),
                    settings={},
                )
            )
    return Corpus.load(folder)


@contextmanager
def without_graphs():
    """Run TensorFlow eagerly: tracing a graph costs more than the few steps of most tests."""
    import keras

    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def eagerly():
    with without_graphs():
        yield


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Corpus:
    return write_corpus(tmp_path_factory.mktemp("corpus"))
