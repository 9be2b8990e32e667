"""Requests that TensorFlow Serving runs when it loads a model, so that no first user has to wait.

A server reads them from ``assets.extra/tf_serving_warmup_requests``: TFRecords of ``PredictionLog``
messages. These few messages are encoded here, field by field: the package that has their classes
brings another TensorFlow along.
"""

from pathlib import Path

from tfaudiogan.inference.metadata import ASSETS

WARMUP_FILE = "tf_serving_warmup_requests"


def write_warmup(folder: Path, name: str, window: int, sample_rate: int, channels: int = 1) -> None:
    """Write the requests into a SavedModel: one window, and a second of audio, both silent.

    Args:
        folder: of the SavedModel.
        name: of the model on the server.
        window: samples of a window.
        sample_rate: in hertz.
        channels: that the model links; where there are several, ``enhance`` takes them too.
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
    """A message; the numbers are those in TensorFlow Serving's ``.proto`` files."""
    model_spec = _field(1, name.encode()) + _field(3, signature.encode())
    entry = _field(1, b"audio") + _field(2, tensor)
    predict_request = _field(1, model_spec) + _field(2, entry)
    predict_log = _field(1, predict_request)
    return _field(6, predict_log)


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited field."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])
