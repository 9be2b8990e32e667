"""Crops of a corpus for training and evaluation, on any Keras backend.

On TensorFlow the data sets are ``tf.data.Dataset``, on other backends ``keras.utils.PyDataset``.
Both work with ``fit`` and ``evaluate``, and both yield the same crops. Batches are pairs
``(input, target)`` of float32 ``(batch, window, 1)`` at the common level
(``tfaudiogan.audio.levels``). Only the samples of the requested crops are read, so that memory does
not grow with the corpus.
"""

import operator
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from tfaudiogan.corpus.manifest import Pair
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.crops.starts import grid_starts, sounding_starts
from tfaudiogan.crops.tracks import Tracks
from tfaudiogan.errors import InputError

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    Batches: TypeAlias = tf.data.Dataset | keras.utils.PyDataset


def training(
    corpus: Corpus,
    window: int,
    batch: int,
    *,
    seed: int = 0,
    start: int = 0,
    split: str = "train",
    shards: int = 1,
    shard: int = 0,
) -> "Batches":
    """Return an endless data set of random crops; ``fit`` needs ``steps_per_epoch`` with it.

    Crop ``i`` depends only on the corpus, the window, the seed and ``i``. It is drawn uniformly
    from all crops of the split whose middle sample is within a sounding range of the pair. A run
    that has seen ``n`` crops is continued exactly with ``start=n``.

    Args:
        corpus: pairs to crop from; tracks shorter than the window are skipped.
        window: samples in a crop.
        batch: crops in a batch.
        seed: any integer.
        start: index of the first crop, counted over all shards.
        split: ``"train"``, ``"validation"`` or ``"test"``.
        shards: number of data sets that share the batches.
        shard: index of this data set among them. It has every ``shards``-th batch from batch
            ``shard`` on, so that the shards' batches, concatenated, are one large batch.

    Raises:
        InputError: if an argument is out of range, no crop fits, or a file does not match the
            manifest.
    """
    window, batch = _at_least(1, window=window), _at_least(1, batch=batch)
    start, shards = _at_least(0, start=start), _at_least(1, shards=shards)
    if _at_least(0, shard=shard) >= shards:
        raise InputError(f"shard is {shard} of {shards} shards; expected 0 to {shards - 1}")
    pairs = _long_enough(corpus, split, corpus.split(split), window)
    starts = sounding_starts(pairs, window)
    if not len(starts):
        sounding = sum(end - begin for pair in pairs for begin, end in pair.sounding)
        raise InputError(
            f"split {split!r} of {corpus.folder}: no crop of {window} samples has its middle in "
            f"one of the {sounding} sounding samples; add tracks or choose a smaller window"
        )
    first, step = start + shard * batch, shards * batch
    return _backend().training(
        Tracks.of_pairs(corpus, pairs), starts, window, batch, operator.index(seed), first, step
    )


def grid(
    corpus: Corpus,
    split: str,
    window: int,
    batch: int,
    *,
    hop: int | None = None,
    limit: int | None = None,
    multiple: int = 1,
) -> "Batches":
    """Return a data set of the windows of a split on a regular grid, track after track.

    Windows start at 0, ``hop``, 2 ``hop`` ... samples, as long as they lie within their track.
    Tracks that are shorter than the window or not altered are skipped. Digital silence is included,
    since the metrics exclude it and count it. The last batch may be smaller.

    Args:
        corpus: pairs to read.
        split: ``"train"``, ``"validation"`` or ``"test"``.
        window: samples in a window.
        batch: windows in a batch.
        hop: samples from one window to the next; the length of the window by default.
        limit: largest number of windows, which are then spread evenly over the grid.
        multiple: the number of windows is a multiple of it, so that devices can share each batch.

    Raises:
        InputError: if an argument is out of range, no window fits, or a file does not match the
            manifest.
    """
    window, batch = _at_least(1, window=window), _at_least(1, batch=batch)
    hop = window if hop is None else _at_least(1, hop=hop)
    pairs = _long_enough(corpus, split, corpus.altered(split), window)
    starts = grid_starts(pairs, window, hop)
    count = len(starts) if limit is None else min(_at_least(1, limit=limit), len(starts))
    if count < _at_least(1, multiple=multiple):
        raise InputError(
            f"split {split!r} of {corpus.folder} gives {count} windows; expected {multiple} or more"
        )
    count -= count % multiple
    return _backend().grid(Tracks.of_pairs(corpus, pairs), starts, window, batch, count)


def _backend() -> ModuleType:
    import keras

    if keras.backend.backend() == "tensorflow":
        from tfaudiogan.crops import tf_data

        return tf_data
    from tfaudiogan.crops import py_dataset

    return py_dataset


def _long_enough(
    corpus: Corpus, split: str, pairs: tuple[Pair, ...], window: int
) -> tuple[Pair, ...]:
    kept = tuple(pair for pair in pairs if pair.samples >= window)
    if not kept:
        longest = max(pair.samples for pair in pairs)
        raise InputError(
            f"split {split!r} of {corpus.folder} has {len(pairs)} tracks, the longest of {longest} "
            f"samples; a crop has {window}: add longer tracks or choose a smaller window"
        )
    return kept


def _at_least(minimum: int, **argument: int) -> int:
    ((name, value),) = argument.items()
    if operator.index(value) < minimum:
        raise InputError(f"{name} is {value}; expected at least {minimum}")
    return operator.index(value)
