"""The clients in docs/serving.md run as printed, against a stand-in for the server.

The stand-in answers REST's predict format and gRPC's PredictionService from the exported model; it
is not TensorFlow Serving.
"""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from tests.export.signals import notes
from tfaudiogan import enhance
from tfaudiogan.audio.files import write_audio

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"


def blocks(language, containing):
    """Return the page's only code block in a language that contains a given word."""
    found = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in found if containing in block]
    return block


@pytest.fixture(scope="module")
def signatures(served):
    return tf.saved_model.load(served / "1").signatures


@pytest.fixture
def recording(tmp_path, monkeypatch):
    """Write a stereo in.wav into the working folder."""
    monkeypatch.chdir(tmp_path)
    audio = np.stack([notes(10_000), notes(10_000, seed=1)], axis=1)
    write_audio("in.wav", audio, 44100, floats=True)
    return audio


def check_output(recording, served):
    output, rate = soundfile.read("out.wav", dtype="float32")
    assert rate == 44100
    for channel in range(2):
        expected = enhance(served, recording[:, channel], 44100)
        np.testing.assert_allclose(output[:, channel], expected, atol=1e-5)


def test_rest_client(signatures, served, recording):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            audio = tf.constant(body["inputs"]["audio"], tf.float32)
            output = signatures[body["signature_name"]](audio=audio)["audio"]
            assert self.path == "/v1/models/piano:predict"
            # One output: its name is left out, as TensorFlow Serving does.
            answer = json.dumps({"outputs": output.numpy().tolist()}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments):
            pass

    with HTTPServer(("localhost", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = blocks("python", "urllib").replace(
            "localhost:8501", f"localhost:{server.server_port}"
        )
        exec(client, {})
        server.shutdown()
    check_output(recording, served)


def test_grpc_client(signatures, served, recording):
    pytest.importorskip("tensorflow_serving.apis.predict_pb2")
    import grpc
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            assert request.model_spec.name == "piano"
            audio = tf.constant(tf.make_ndarray(request.inputs["audio"]))
            output = signatures[request.model_spec.signature_name](audio=audio)["audio"]
            response = predict_pb2.PredictResponse()
            response.outputs["audio"].CopyFrom(tf.make_tensor_proto(output.numpy()))
            return response

    with ThreadPoolExecutor(1) as threads:
        server = grpc.server(threads)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
        port = server.add_insecure_port("localhost:0")
        server.start()
        exec(blocks("python", "grpc").replace("localhost:8500", f"localhost:{port}"), {})
        server.stop(None).wait()
    check_output(recording, served)


def test_model_configuration_parses():
    pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    config = text_format.Parse(
        blocks("proto", "model_config_list"), model_server_config_pb2.ModelServerConfig()
    )
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path) == ("piano", "/models/piano")


def test_batching_sizes_end_with_the_largest():
    """The server requires this."""
    text = blocks("proto", "max_batch_size")
    largest = int(re.search(r"max_batch_size \{ value: (\d+)", text)[1])
    sizes = json.loads(re.search(r"allowed_batch_sizes: (\[.*\])", text)[1])
    assert sizes == sorted(sizes)
    assert sizes[-1] == largest
