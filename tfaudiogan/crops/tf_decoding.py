"""Decode crops of compressed files within tf.data, with tensorflow-io or libsndfile."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfaudiogan.crops.tracks import Tracks
from tfaudiogan.extras import missing

_DECODED = {
    "PCM_16": tf.int16,
    "VORBIS": tf.float32,
    "MPEG_LAYER_III": tf.float32,
}
"""The type to which tensorflow-io decodes each encoding."""

Fetch = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""A function from tracks and first samples, int64 ``(batch,)``, to inputs and targets at the common
level, float32 ``(batch, window)``."""


def uses_tfio(tracks: Tracks) -> bool:
    """Whether tensorflow-io is installed, works with this TensorFlow, and can decode every file.

    It is not used for files that need resampling, since its resampler has a delay of at least four
    samples.
    """
    if missing("tensorflow_io") or not tf.__version__.startswith("2.16."):
        return False
    encodings = {encoding for sides in tracks.encodings for encoding in sides}
    return all(e.subtype in _DECODED and e.sample_rate == tracks.sample_rate for e in encodings)


def decoder(tracks: Tracks, window: int) -> Fetch:
    """Return a function that decodes crops of files that are not all plain."""
    return (_by_tfio if uses_tfio(tracks) else _by_libsndfile)(tracks, window)


def _by_libsndfile(tracks: Tracks, window: int) -> Fetch:
    def decode(track: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        crops = [tracks.read(t, s, window) for t, s in zip(track, start, strict=True)]
        inputs, targets = np.stack(crops, axis=1)
        return inputs, targets

    def fetch(track: tf.Tensor, start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        sides = tf.numpy_function(decode, (track, start), (tf.float32, tf.float32))
        return tuple(tf.ensure_shape(side, (track.shape[0], window)) for side in sides)

    return fetch


def _by_tfio(tracks: Tracks, window: int) -> Fetch:
    from tensorflow_io.python.ops import core_ops

    files, kinds = _opened(tracks)
    side = tf.TensorSpec([window], tf.float32)

    def read(file: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
        def decode(kind: tf.DType) -> tf.Tensor:
            samples = core_ops.io_audio_readable_read(
                tf.gather(files, file), start, start + window, dtype=kind
            )
            scale = 1.0 if kind == tf.int16 else 32768.0
            return tf.reshape(tf.cast(samples, tf.float32) * scale, [window])

        integers = tf.gather(kinds, file)
        return tf.cond(integers, lambda: decode(tf.int16), lambda: decode(tf.float32))

    def read_both(position: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        track, start = position
        return read(2 * track, start), read(2 * track + 1, start)

    def fetch(track: tf.Tensor, start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        inputs, targets = tf.map_fn(read_both, (track, start), fn_output_signature=(side, side))
        scales = tf.gather(tracks.scales, track)[..., None]
        return inputs * scales[:, 0], targets * scales[:, 1]

    return fetch


def _opened(tracks: Tracks) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the resource of each file, and whether the file is decoded to integers.

    The files are the input and the target of each track.
    """
    with tf.init_scope(), tf.device("CPU:0"):
        files = [_open(path, path.stat().st_mtime_ns) for sides in tracks.paths for path in sides]
        kinds = [_DECODED[e.subtype] == tf.int16 for sides in tracks.encodings for e in sides]
        return tf.stack(files), tf.constant(kinds)


@functools.cache
def _open(path: Path, modified: int) -> tf.Tensor:
    """Open a file for the lifetime of the process.

    The public wrapper of this operator sets no shared name, without which all files would be the
    same resource.
    """
    from tensorflow_io.python.ops import core_ops

    return core_ops.io_audio_readable_init(str(path), shared_name=f"{path} {modified}")
