"""Exports a SavedModel for TensorFlow Serving, with level, windows and overlap-add in its graph."""

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfaudiogan.audio.levels import BLOCK, GATE_DBFS, SILENCE_DBFS, db_to_gain
from tfaudiogan.audio.windows import periodic_hann
from tfaudiogan.errors import InputError
from tfaudiogan.export.source import load_source
from tfaudiogan.export.warmup import write_warmup
from tfaudiogan.inference.load import keras_with_channels
from tfaudiogan.inference.metadata import ModelMetadata, write_metadata

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

WINDOWS_PER_CHUNK = 8
SAMPLES_PER_CHUNK = 1 << 20
"""Bounds of one batch of windows, over all channels that the model links."""


def export_saved_model(model_path: Path | str, out: Path | str, version: int = 1) -> Path:
    """Write the TensorFlow Serving directory ``out/version/`` and return its path.

    The SavedModel has two signatures, each with one input and one output called ``audio``:

    - ``enhance``, which is also ``serving_default``, maps ``(batch, samples)`` float32 to the same
      shape, with any number of samples. Each row is scaled to the model's level, cut into windows,
      enhanced, overlap-added and scaled back, up to ``WINDOWS_PER_CHUNK`` windows at a time.
    - ``window`` maps ``(batch, window, 1)`` float32 to the same shape by the network alone.

    A model that links channels maps ``(batch, samples, channels)`` and ``(batch, window,
    channels)`` instead, with any number of channels that belong together.

    ``assets.extra`` holds the metadata and the requests that TensorFlow Serving warms up with. The
    folder gets its name only when it is complete, as a running server requires.

    Args:
        model_path: ``.keras`` file with metadata.
        out: Directory to write. Its name is the model's name on the server.
        version: Version number. A server loads the highest one.

    Raises:
        InputError: If the model cannot be loaded, or the version already exists.
    """
    target = Path(out) / str(version)
    if version < 0:
        raise InputError(f"version is {version}; expected 0 or more")
    if target.exists():
        raise InputError(f"{target} already exists; give another version, such as {version + 1}")
    model, metadata = load_source(model_path)
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=out, prefix=".partial-"))
    except OSError as error:
        raise InputError(f"cannot write {out} ({error.strerror}); choose another folder") from error
    try:
        _save(model, metadata, temporary)
        write_metadata(temporary, metadata)
        write_warmup(
            temporary, Path(out).name, metadata.window, metadata.sample_rate, metadata.channels
        )
        temporary.chmod(0o755)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _save(model: "keras.Model", metadata: ModelMetadata, folder: Path) -> None:
    import tensorflow as tf

    from tfaudiogan.layers.short_time import fourier_operators

    linked = metadata.channels > 1
    if linked:
        model = keras_with_channels(model, None)
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    signal = (None, None, None) if linked else (None, None)
    module.enhance = tf.function(
        lambda audio: {"audio": enhance_in_graph(model, metadata, audio)},
        input_signature=[tf.TensorSpec(signal, tf.float32, name="audio")],
    )
    window = (None, metadata.window, None if linked else 1)
    module.window = tf.function(
        lambda audio: {"audio": model(audio, training=False)},
        input_signature=[tf.TensorSpec(window, tf.float32, name="audio")],
    )
    signatures = {
        "serving_default": module.enhance,
        "enhance": module.enhance,
        "window": module.window,
    }
    try:
        with fourier_operators():
            tf.saved_model.save(module, folder, signatures)
    except tf.errors.ResourceExhaustedError as error:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder.parent)) from error


def enhance_in_graph(
    model: "keras.Model", metadata: ModelMetadata, audio: "tf.Tensor"
) -> "tf.Tensor":
    """Enhance signals as ``tfaudiogan.enhance`` does, with TensorFlow operators.

    The signals are ``(batch, samples)``, or ``(batch, samples, channels)`` for a model that links
    channels. The output has the same shape.
    """
    import tensorflow as tf

    if audio.shape.rank == 2:
        return enhance_in_graph(model, metadata, audio[..., tf.newaxis])[..., 0]
    window, hop = metadata.window, metadata.hop
    overlap = window - hop
    batch, samples, channels = tf.unstack(tf.shape(audio))
    channels = audio.shape[-1] or channels
    gain = _gain(audio, metadata.level_dbfs)

    count = -(-tf.maximum(samples - window, 0) // hop) + 1
    padded = tf.pad(audio * gain, [[0, 0], [0, (count + 1) * hop - samples], [0, 0]])
    hops = tf.reshape(padded, (batch, count + 1, hop, channels))
    # The last window ends with the signal, which may be before its place in the sequence of hops.
    last = tf.maximum(samples - window, 0)
    late = (count - 1) * hop - last
    windows = tf.concat(
        [
            tf.concat([hops[:, : count - 1], hops[:, 1:count, :overlap]], axis=2),
            padded[:, tf.newaxis, last : last + window],
        ],
        axis=1,
    )
    chunk_size = max(1, min(WINDOWS_PER_CHUNK, SAMPLES_PER_CHUNK // (window * metadata.channels)))
    output = _in_chunks(model, tf.reshape(windows, (-1, window, channels)), chunk_size)
    # What is faded and added up are the changes, so that a window without any stays as it is.
    changes = tf.reshape(output, (batch, count, window, channels)) - windows
    moved = tf.pad(changes[:, -1:, late:], [[0, 0], [0, 0], [0, late], [0, 0]])
    changes = tf.concat([changes[:, :-1], moved], axis=1)
    rise, fall = np.split(periodic_hann(2 * overlap)[:, np.newaxis], 2)
    faded = changes[:, 1:, :overlap] * rise + changes[:, :-1, hop:] * fall
    starts = tf.concat([changes[:, :1, :overlap], faded], axis=1)
    added = tf.concat([starts, changes[:, :, overlap:hop]], axis=2)
    added = tf.reshape(added, (batch, count * hop, channels))
    added = tf.concat([added, changes[:, -1, hop:]], axis=1)
    return audio + added[:, :samples] / gain


def _gain(audio: "tf.Tensor", level_dbfs: float) -> "tf.Tensor":
    """Return the factors ``(batch, 1, 1)`` that scale ``(batch, samples, channels)`` to a level.

    The level is that of all channels together, as in ``audio.levels``. The gate does not apply to
    signals that are below it throughout.
    """
    import tensorflow as tf

    batch, samples, channels = tf.unstack(tf.shape(audio))
    blocks = -(-samples // BLOCK)
    padded = tf.pad(tf.square(audio), [[0, 0], [0, blocks * BLOCK - samples], [0, 0]])
    energy = tf.reduce_sum(tf.reshape(padded, (batch, blocks, BLOCK * channels)), axis=-1)
    energy = tf.cast(energy, tf.float64)
    length = channels * tf.minimum(BLOCK, samples - BLOCK * tf.range(blocks))
    length = tf.cast(length, tf.float64)
    sounding = tf.cast(energy > length * db_to_gain(GATE_DBFS) ** 2, tf.float64)
    power = tf.math.divide_no_nan(
        tf.reduce_sum(sounding * energy, axis=1, keepdims=True),
        tf.reduce_sum(sounding * length, axis=1, keepdims=True),
    )
    ungated = tf.math.divide_no_nan(
        tf.reduce_sum(energy, axis=1, keepdims=True), tf.reduce_sum(length)
    )
    power = tf.where(power > 0, power, ungated)
    sounds = power > db_to_gain(SILENCE_DBFS) ** 2
    gain = db_to_gain(level_dbfs) / tf.sqrt(tf.where(sounds, power, 1.0))
    return tf.cast(tf.where(sounds, gain, 1.0), tf.float32)[..., tf.newaxis]


def _in_chunks(model: "keras.Model", windows: "tf.Tensor", chunk_size: int) -> "tf.Tensor":
    """Run the model on ``(windows, window, channels)`` in chunks, to bound the memory."""
    import tensorflow as tf

    total = tf.shape(windows)[0]
    if windows.shape[-1] is None:
        # TensorFlow cannot concatenate zero chunks with an unknown number of channels. A silent
        # window is added and removed below.
        windows = tf.pad(windows, [[0, tf.cast(total == 0, tf.int32)], [0, 0], [0, 0]])
    chunks = -(-tf.shape(windows)[0] // chunk_size)

    def run(i: "tf.Tensor", outputs: "tf.TensorArray") -> tuple["tf.Tensor", "tf.TensorArray"]:
        chunk = windows[i * chunk_size : (i + 1) * chunk_size]
        return i + 1, outputs.write(i, model(chunk, training=False))

    outputs = tf.TensorArray(
        tf.float32, chunks, infer_shape=False, element_shape=(None, *windows.shape[1:])
    )
    _, outputs = tf.while_loop(
        lambda i, _: i < chunks, run, (tf.constant(0), outputs), parallel_iterations=1
    )
    return outputs.concat()[:total]
