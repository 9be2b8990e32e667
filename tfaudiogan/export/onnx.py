"""Exports a model to an ONNX file."""

from pathlib import Path

from tfaudiogan.errors import InputError
from tfaudiogan.export.source import load_source
from tfaudiogan.extras import require
from tfaudiogan.inference.metadata import write_metadata
from tfaudiogan.storage import replacing


def export_onnx(model_path: Path | str, out: Path | str) -> Path:
    """Write an ONNX file and return its path.

    The network maps ``audio``, ``(batch, window, channels)`` float32, to the same shape. The number
    of channels is that of the model's metadata. The file holds the metadata as the metadata
    property ``tfaudiogan.json``.

    Args:
        model_path: ``.keras`` file with metadata.
        out: ``.onnx`` file to write.

    Raises:
        InputError: If the model cannot be loaded, or the extra ``onnx`` is not installed.
    """
    out = Path(out)
    require("onnx", "tf2onnx", "onnx")
    if out.suffix != ".onnx":
        raise InputError(f"{out} does not end in .onnx; choose a name that does")
    model, metadata = load_source(model_path)
    import tensorflow as tf
    import tf2onnx

    signature = [tf.TensorSpec(model.input_shape, tf.float32, name="audio")]
    function = tf.function(lambda audio: model(audio, training=False), input_signature=signature)
    with replacing(out) as temporary:
        tf2onnx.convert.from_function(function, signature, output_path=str(temporary))
        write_metadata(temporary, metadata)
    return out
