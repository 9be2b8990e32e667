"""Exports a TFLite file for phones and small computers, which enhances one window at a time."""

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

    Its signature ``window`` maps ``audio``, ``(1, window)`` float32, to ``audio`` of the same
    shape. A model that links channels maps ``(1, window, channels)``. Levels and overlap-add are
    left to the caller, as ``tfaudiogan.inference.streaming`` shows. The file holds the metadata in
    a zip archive after the model.

    Args:
        model_path: ``.keras`` file with metadata.
        out: ``.tflite`` file to write.
        quantization: Type of the layers' kernels. ``"float16"`` has about half the size of
            ``"float32"`` and an error 60 dB below the output. ``"dynamic"`` has down to a quarter,
            with 8-bit integers and an error 40 dB below the output. Kernels that would exceed that
            error keep more bits (``export.quantization``). Audio is always float32.

    Raises:
        InputError: If the model cannot be loaded or the quantization is unknown. Full 8-bit
            integers are not supported.
    """
    out = Path(out)
    if quantization in ("int8", "full_int8", "integer"):
        raise InputError(
            f"quantization {quantization!r} is not supported, as an 8-bit waveform has a "
            "signal-to-noise ratio of about 15 dB; use 'dynamic', which has 8-bit weights and "
            "float audio"
        )
    if quantization not in QUANTIZATIONS:
        raise InputError(
            f"unknown quantization {quantization!r}; choose one of {', '.join(QUANTIZATIONS)}"
        )
    if out.suffix != ".tflite":
        raise InputError(f"{out} does not end in .tflite; choose a name that does")
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
