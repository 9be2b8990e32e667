"""Warm-up requests, which TensorFlow Serving runs when it loads a model.

Without them the first request of a user is slow. A server reads them from
``assets.extra/tf_serving_warmup_requests``, as TFRecords of ``PredictionLog`` messages. The
messages are encoded here field by field, because the package with their classes depends on another
build of TensorFlow.
"""

from pathlib import Path

from tfaudiogan.inference.metadata import ASSETS

WARMUP_FILE = "tf_serving_warmup_requests"


def write_warmup(folder: Path, name: str, window: int, sample_rate: int, channels: int = 1) -> None:
    """Write requests with one silent window and one second of silence into a SavedModel.

    Args:
        folder: Folder of the SavedModel.
        name: Name of the model on the server.
        window: Number of samples in a window.
        sample_rate: Sample rate in hertz.
        channels: Number of channels that the model links. ``enhance`` takes this axis only if
            there are several.
    """
    import tensorflow as tf

    path = folder / ASSETS / WARMUP_FILE
    path.parent.mkdir(exist_ok=True)
    second = (1, sample_rate) if channels == 1 else (1, sample_rate, channels)
    with tf.io.TFRecordWriter(str(path)) as records:
        for signature, shape in (("window", (1, window, channels)), ("enhance", second)):
            tensor = tf.make_tensor_proto(0.0, tf.float32, shape)
            records.write(_prediction_log(name, signature, tensor.SerializeToString()))


def _prediction_log(name: str, signature: str, tensor: bytes) -> bytes:
    """Encode a message with the field numbers of TensorFlow Serving's ``.proto`` files."""
    model_spec = _field(1, name.encode()) + _field(3, signature.encode())
    entry = _field(1, b"audio") + _field(2, tensor)
    predict_request = _field(1, model_spec) + _field(2, entry)
    predict_log = _field(1, predict_request)
    return _field(6, predict_log)


def _field(number: int, payload: bytes) -> bytes:
    """Encode a length-delimited field."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])
