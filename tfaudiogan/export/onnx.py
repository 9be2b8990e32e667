"""An ONNX file, for the many runtimes that read one."""

from pathlib import Path

from tfaudiogan.errors import InputError
from tfaudiogan.export.source import load_source
from tfaudiogan.extras import require
from tfaudiogan.inference.metadata import write_metadata
from tfaudiogan.storage import replacing


def export_onnx(model_path: Path | str, out: Path | str) -> Path:
    """Write an ONNX file, from ``audio``, ``(batch, window, channels)`` float32, to that shape.

    There is one channel, or as many as the metadata says that the model links.

    The metadata is in the file, as the metadata property ``tfaudiogan.json``.

    Args:
        model_path: a ``.keras`` file with metadata.
        out: the ``.onnx`` file.

    Raises:
        InputError: when the model cannot be loaded, or the extra ``onnx`` is not installed.
    """
    out = Path(out)
    require("onnx", "tf2onnx", "onnx")
    if out.suffix != ".onnx":
        raise InputError(f"{out} does not end in .onnx; name it so")
    model, metadata = load_source(model_path)
    import tensorflow as tf
    import tf2onnx

    signature = [tf.TensorSpec(model.input_shape, tf.float32, name="audio")]
    function = tf.function(lambda audio: model(audio, training=False), input_signature=signature)
    with replacing(out) as temporary:
        tf2onnx.convert.from_function(function, signature, output_path=str(temporary))
        write_metadata(temporary, metadata)
    return out
