"""Excerpts to listen to: input, target and generated audio of the same seconds."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tfaudiogan.corpus.manifest import Pair
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.evaluation.in_context import InContext, ModelFunction, reader


@dataclass(frozen=True)
class Example:
    """An excerpt of a track.

    Attributes:
        track: Name of the track.
        start_seconds: Start of the excerpt in the track.
        sample_rate: Sample rate in hertz.
        signals: Signals ``(samples,)`` float32 at the common level: ``"input"``, ``"target"``, and
            ``"generated"`` or one entry for each of several models.
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
    """Take excerpts from different tracks, at places with sound.

    A track is used again only if there are fewer than ``count`` tracks. The generated excerpt is
    equal to that part of the whole track's reconstruction by overlap-add.

    Args:
        model_fn: Model from ``(n, window)`` to the same shape, or several models by name.
        corpus: Corpus of pairs.
        split: Split that the excerpts are taken from.
        count: Number of excerpts.
        seconds: Length of an excerpt. Shorter tracks are taken whole.
        window: Number of samples in a window of models that are not ``InContext``.
        seed: Random seed.
        batch: Number of windows in a batch.
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
    """Draw the start and end of an excerpt, which begins where there is sound if it fits."""
    ranges = pair.sounding or ((0, pair.samples),)
    lengths = np.array([stop - start for start, stop in ranges])
    offset = int(rng.integers(lengths.sum()))
    number = int(np.searchsorted(lengths.cumsum(), offset, side="right"))
    start = ranges[number][0] + offset - int(lengths[:number].sum())
    start = max(0, min(start, pair.samples - samples))
    return start, min(pair.samples, start + samples)
