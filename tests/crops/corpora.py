"""A small corpus that contains silence, and its crops."""

import numpy as np

from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.writing import CorpusWriter

RATE, WINDOW = 8000, 512


def write_corpus(folder):
    """Write noise with silent parts, a short track, and a track that sounds only in its middle."""
    rng = np.random.default_rng(0)
    writer = CorpusWriter(folder, "pairs", RATE)
    for name, split, samples, silent in (
        ("a", "train", 9000, (2048, 6144)),
        ("b", "train", 400, (0, 0)),
        ("c", "train", 5000, (0, 2048)),
        ("d", "train", 7777, (3072, 7777)),
        ("e", "validation", 6000, (1024, 4096)),
        ("f", "validation", 511, (0, 0)),
        ("g", "validation", 1700, (0, 0)),
        ("h", "test", 300, (0, 0)),
    ):
        sides = 0.1 * rng.standard_normal((2, samples))
        sides[:, slice(*silent)] = 0.0
        writer.record(
            writer.write_pair(
                sides[0],
                3.0 * sides[1],
                name=name,
                split=split,
                source=name,
                source_sha256="0",
                settings={},
            )
        )
    return Corpus.load(folder)


def take(batches, count=None):
    """The first batches as NumPy arrays, ``(inputs, targets)`` each."""
    if count is None:
        count = len(batches)
    iterator = iter(batches)
    return [tuple(np.asarray(side) for side in next(iterator)) for _ in range(count)]


def joined(batches, count=None):
    """The crops of the first batches, float32 ``(crops, 2, window)``."""
    return np.concatenate([np.stack(pair, axis=1)[..., 0] for pair in take(batches, count)])
