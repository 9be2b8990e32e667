"""Crops as ``tf.data.Dataset``, read from file to batch in TensorFlow's graph.

TensorFlow has no operator that reads a file from a given position: ``FixedLengthRecordDataset``
reads everything before it. The files are therefore mapped into memory. This needs no memory of the
process, since the pages that a crop touches belong to the file cache, which the operating system
can reclaim. Files that are not plain 16-bit WAV are decoded instead (``tf_decoding``).
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfaudiogan.corpus.files import HEADER
from tfaudiogan.crops.starts import Starts, splitmix64, spread
from tfaudiogan.crops.tf_decoding import Fetch, decoder
from tfaudiogan.crops.tracks import Tracks
from tfaudiogan.errors import InputError


def training(
    tracks: Tracks, starts: Starts, window: int, batch: int, seed: int, first: int, step: int
) -> tf.data.Dataset:
    """Return endless batches of consecutive random crops, which begin ``step`` crops apart."""

    def draw(crops: tf.Tensor) -> tf.Tensor:
        random = splitmix64(seed, tf.cast(crops, tf.uint64), tf.bitwise.right_shift)
        return tf.cast(random % np.uint64(len(starts)), tf.int64)

    offsets = tf.range(batch, dtype=tf.int64)
    crops = tf.data.Dataset.range(first, tf.int64.max, step).map(lambda crop: crop + offsets)
    endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
    return _prefetched(crops.map(_reader(tracks, starts, window, draw)).apply(endless))


def grid(tracks: Tracks, starts: Starts, window: int, batch: int, count: int) -> tf.data.Dataset:
    """Return ``count`` windows spread evenly over ``starts``; the last batch may be smaller."""

    def choose(windows: tf.Tensor) -> tf.Tensor:
        return spread(windows, count, len(starts))

    windows = tf.data.Dataset.range(count).batch(batch, drop_remainder=count % batch == 0)
    return _prefetched(windows.map(_reader(tracks, starts, window, choose)))


def _prefetched(dataset: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    # Two threads keep ahead of any training step and leave the other cores to the model.
    options.threading.private_threadpool_size = 2
    return dataset.prefetch(2).with_options(options)


def _reader(
    tracks: Tracks, starts: Starts, window: int, number: Callable[[tf.Tensor], tf.Tensor]
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Return a function from indices, ``(batch,)``, to the crops of ``number(indices)``."""
    fetch = _slicer(tracks, window) if tracks.plain else decoder(tracks, window)

    def read(indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        numbers = number(indices)
        ranges = tf.searchsorted(starts.ends, numbers, side="right")
        track = tf.gather(starts.tracks, ranges)
        start = tf.gather(starts.origins, ranges) + starts.step * numbers
        inputs, targets = fetch(track, start)
        return inputs[..., None], targets[..., None]

    return read


def _slicer(tracks: Tracks, window: int) -> Fetch:
    """Return a function that slices crops out of memory-mapped plain files."""
    files = _mapped(tracks)
    side = tf.TensorSpec([window], tf.int16)

    def slice_both(position: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        file, offset = position
        return (
            tf.slice(_file(files, file), [offset], [window]),
            tf.slice(_file(files, file + 1), [offset], [window]),
        )

    def fetch(track: tf.Tensor, start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        file, offset = tf.cast(2 * track, tf.int32), start + HEADER.size // 2
        inputs, targets = tf.map_fn(slice_both, (file, offset), fn_output_signature=(side, side))
        scales = tf.gather(tracks.scales, track)[..., None]
        return (
            tf.cast(inputs, tf.float32) * scales[:, 0],
            tf.cast(targets, tf.float32) * scales[:, 1],
        )

    return fetch


def _mapped(tracks: Tracks) -> tf.Tensor:
    """Map all files, input and target of each track, into memory as a list of int16 tensors."""
    count = 2 * len(tracks.paths)
    _allow_open_files(count)
    with tf.init_scope(), tf.device("CPU:0"):
        files = tf.raw_ops.TensorListReserve(
            element_shape=-1, num_elements=count, element_dtype=tf.int16
        )
        for track, (paths, samples) in enumerate(zip(tracks.paths, tracks.samples, strict=True)):
            for side, path in enumerate(paths):
                files = tf.raw_ops.TensorListSetItem(
                    input_handle=files, index=2 * track + side, item=_map_file(path, samples)
                )
    return files


def _map_file(path: Path, samples: int) -> tf.Tensor:
    try:
        # DLPack does not accept a read-only array, so this is copy-on-write; nothing is written.
        mapped = np.memmap(path, "<i2", mode="c", shape=(HEADER.size // 2 + samples,))
    except OSError as error:
        raise InputError(
            f"{path} cannot be mapped into memory ({error}); with very many tracks, allow more "
            "open files with `ulimit -n`"
        ) from error
    return tf.experimental.dlpack.from_dlpack(mapped.__dlpack__())


def _allow_open_files(more: int) -> None:
    """Raise the process's limit of open files as far as allowed, since mapped files stay open."""
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        wanted = soft + more if hard == resource.RLIM_INFINITY else min(soft + more, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _file(files: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.TensorListGetItem(
        input_handle=files, index=index, element_shape=[-1], element_dtype=tf.int16
    )
