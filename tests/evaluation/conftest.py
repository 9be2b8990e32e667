from pathlib import Path

import numpy as np
import pytest

from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.writing import CorpusWriter

RATE = 8000
WINDOW = 1024


def tone(samples: int, hertz: float, seed: int) -> np.ndarray:
    """Return a decaying tone with a little noise, so that every frequency has some power."""
    time = np.arange(samples) / RATE
    noise = np.random.default_rng(seed).normal(0, 0.01, samples)
    return 0.5 * np.sin(2 * np.pi * hertz * time) * np.exp(-time) + noise


def write_track(writer: CorpusWriter, name: str, inputs, targets, split: str = "test") -> None:
    writer.record(
        writer.write_pair(
            inputs, targets, name=name, split=split, source=name, source_sha256="0", settings={}
        )
    )


@pytest.fixture(scope="session")
def duo(tmp_path_factory) -> Corpus:
    """Two test tracks of 5 and 3 whole windows and a remainder; one has a silent third window."""
    folder: Path = tmp_path_factory.mktemp("corpus")
    writer = CorpusWriter(folder, task="instrument", sample_rate=RATE)
    for name, windows, seed in (("a", 5, 1), ("b", 3, 2)):
        samples = windows * WINDOW + 500
        inputs, targets = tone(samples, 440, seed), 0.6 * tone(samples, 700, seed + 10)
        targets += 0.5 * inputs
        if name == "a":
            targets[2 * WINDOW : 3 * WINDOW] = 0
        write_track(writer, name, inputs, targets)
    return Corpus.load(folder)
