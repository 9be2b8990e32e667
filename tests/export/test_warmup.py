"""Read the warm-up requests with the message classes of the extra ``serving``."""

import numpy as np
import pytest
import tensorflow as tf

from tests.export.conftest import WINDOW
from tfaudiogan.export.warmup import WARMUP_FILE, write_warmup

prediction_log_pb2 = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")


def requests(folder):
    records = tf.data.TFRecordDataset(str(folder / "assets.extra" / WARMUP_FILE))
    logs = [prediction_log_pb2.PredictionLog.FromString(r) for r in records.as_numpy_iterator()]
    assert {log.WhichOneof("log_type") for log in logs} == {"predict_log"}
    return [log.predict_log.request for log in logs]


def test_messages_equal_those_of_their_classes(tmp_path):
    name = "a name of more than 127 bytes " * 10  # its length takes two bytes
    write_warmup(tmp_path, name, 64, 8000)
    for request, (signature, shape) in zip(
        requests(tmp_path), [("window", (1, 64, 1)), ("enhance", (1, 8000))], strict=True
    ):
        expected = prediction_log_pb2.PredictionLog().predict_log.request
        expected.model_spec.name = name
        expected.model_spec.signature_name = signature
        expected.inputs["audio"].CopyFrom(tf.make_tensor_proto(0.0, tf.float32, shape))
        assert request == expected


def test_the_requests_are_replayed_as_a_server_does(served):
    signatures = tf.saved_model.load(served / "1").signatures
    replayed = {}
    for request in requests(served / "1"):
        assert request.model_spec.name == "piano"
        audio = tf.make_ndarray(request.inputs["audio"])
        name = request.model_spec.signature_name
        replayed[name] = signatures[name](audio=tf.constant(audio))["audio"].numpy()
    assert replayed["window"].shape == (1, WINDOW, 1)
    assert replayed["enhance"].shape == (1, 44100)
    assert all(np.isfinite(output).all() for output in replayed.values())
