"""A TFLite file for phones and small computers: one window in, one window out."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tfaudiogan.errors import InputError
from tfaudiogan.export.quantization import calibration_windows, quantize
from tfaudiogan.export.source import load_source
from tfaudiogan.inference.load import load_tflite
from tfaudiogan.inference.metadata import write_metadata
from tfaudiogan.storage import replacing

QUANTIZATIONS = ("float32", "float16", "dynamic")


def export_tflite(model_path: Path | str, out: Path | str, quantization: str = "float32") -> Path:
    """Write a TFLite file with built-in operators only, and return its path.

    Its signature ``window`` maps ``audio``, ``(1, window)`` float32, to ``audio`` of that shape; a
    model that links channels takes and gives ``(1, window, channels)``.
    Levels and overlap-add happen outside: ``tfaudiogan.inference.streaming`` shows how. The
    metadata is in the file, in a zip archive after the model.

    Args:
        model_path: a ``.keras`` file with metadata.
        out: the ``.tflite`` file.
        quantization: of the layers' kernels: ``"float32"``; ``"float16"``, about half the
            size, with an error 60 dB below the output; ``"dynamic"``, down to a quarter, with 8-bit
            integers and an error 40 dB below. Kernels that would break that bound keep more bits
            (``export.quantization``). Audio stays float32.

    Raises:
        InputError: when the model cannot be loaded, or the quantization is another; full 8-bit
            integers are refused.
    """
    out = Path(out)
    if quantization in ("int8", "full_int8", "integer"):
        raise InputError(
            f"quantization {quantization!r} is refused: an 8-bit waveform has 256 steps, which "
            "leaves about 15 dB; use 'dynamic', whose weights have 8 bits and whose audio is float"
        )
    if quantization not in QUANTIZATIONS:
        raise InputError(
            f"unknown quantization {quantization!r}; choose one of {', '.join(QUANTIZATIONS)}"
        )
    if out.suffix != ".tflite":
        raise InputError(f"{out} does not end in .tflite; name it so")
    model, metadata = load_source(model_path)
    import tensorflow as tf

    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    if metadata.channels > 1:
        shape = (1, metadata.window, metadata.channels)
        module.window = tf.function(
            lambda audio: {"audio": model(audio, training=False)},
            input_signature=[tf.TensorSpec(shape, tf.float32, name="audio")],
        )
    else:
        module.window = tf.function(
            lambda audio: {"audio": model(audio[..., tf.newaxis], training=False)[..., 0]},
            input_signature=[tf.TensorSpec((1, metadata.window), tf.float32, name="audio")],
        )
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, {"window": module.window})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["window"])
        content = converter.convert()
    if quantization != "float32":
        windows = calibration_windows(metadata.window, metadata.level_dbfs, metadata.channels)
        content = quantize(content, quantization, _load, windows)
    with replacing(out) as temporary:
        temporary.write_bytes(content)
        write_metadata(temporary, metadata)
    return out


def _load(content: bytes) -> Callable[[np.ndarray], np.ndarray]:
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        file.write(content)
        file.flush()
        return load_tflite(Path(file.name))
