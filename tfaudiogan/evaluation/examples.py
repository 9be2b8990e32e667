"""Excerpts to listen to: the same seconds of input, target and what a model makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tfaudiogan.corpus.manifest import Pair
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.evaluation.in_context import InContext, ModelFunction, reader


@dataclass(frozen=True)
class Example:
    """An excerpt of a track.

    ``signals`` holds ``"input"``, ``"target"`` and ``"generated"``, or one entry for each of
    several models by name, each ``(samples,)`` float32 at the common level.
    """

    track: str
    start_seconds: float
    sample_rate: int
    signals: Mapping[str, np.ndarray]


def make_examples(
    model_fn: ModelFunction | InContext | Mapping[str, ModelFunction | InContext],
    corpus: Corpus,
    split: str,
    count: int = 4,
    seconds: float = 6.0,
    window: int = 8192,
    seed: int = 0,
    batch: int = 16,
) -> list[Example]:
    """Excerpts at sounding places of different tracks, the same for the same seed.

    Tracks are used again only where there are fewer than ``count``. What is generated equals that
    part of the whole track's reconstruction by overlap-add: the model sees what surrounds it.

    Args:
        model_fn: one model, ``(n, window)`` to ``(n, window)``, or several by name.
        seconds: length of an excerpt; shorter tracks come whole.
        window: samples, of every model that is not ``InContext``.
        batch: windows at once.
    """
    models = model_fn if isinstance(model_fn, Mapping) else {"generated": model_fn}
    rng = np.random.default_rng(seed)
    pairs = corpus.altered(split)
    order = rng.permutation(len(pairs))
    examples = []
    for number in range(count):
        pair = pairs[order[number % len(pairs)]]
        start, stop = _place(pair, round(seconds * pair.sample_rate), rng)
        sides = corpus.read(pair, start, stop)
        signals = {"input": sides[0], "target": sides[1]}
        for name, model in models.items():
            own = model if isinstance(model, InContext) else InContext(model, window)
            signals[name] = own.piece(
                reader(corpus, pair),
                pair.samples,
                start,
                stop,
                batch=batch,
            )
        examples.append(Example(pair.name, start / pair.sample_rate, pair.sample_rate, signals))
    return examples


def _place(pair: Pair, samples: int, rng: np.random.Generator) -> tuple[int, int]:
    """First and last sample of an excerpt that begins where the pair sounds, if it fits."""
    ranges = pair.sounding or ((0, pair.samples),)
    lengths = np.array([stop - start for start, stop in ranges])
    offset = int(rng.integers(lengths.sum()))
    number = int(np.searchsorted(lengths.cumsum(), offset, side="right"))
    start = ranges[number][0] + offset - int(lengths[:number].sum())
    start = max(0, min(start, pair.samples - samples))
    return start, min(pair.samples, start + samples)
