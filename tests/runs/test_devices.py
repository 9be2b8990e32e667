import json
import os
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.runs.tiny import checkpoint, rows
from tests.runs.worker import fitted, run
from tfaudiogan.errors import InputError
from tfaudiogan.runs.devices import Devices, check_batch, choose
from tfaudiogan.runs.train import RunFolder

TENSORFLOW = keras.backend.backend() == "tensorflow"
pytestmark = pytest.mark.skipif(not TENSORFLOW, reason="the reference runs on TensorFlow")

ADAM_ATOL = 1e-4
"""A tenth of one Adam step at the tests' rate. Where a gradient is nearly 0, its sign, and so the
first steps' direction, is decided by the order in which float32 sums are taken."""


def python(*arguments: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(*processes: subprocess.Popen) -> list[str]:
    try:
        texts = [process.communicate(timeout=600)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, text in zip(processes, texts, strict=True):
        assert process.returncode == 0, text
    return texts


MIRRORED = """
import sys
from tests.runs.worker import fitted, two_processors
two_processors()
import numpy as np
import tensorflow as tf
strategy = tf.distribute.MirroredStrategy()
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    np.savez(sys.argv[1], *fitted())
"""


@pytest.mark.slow
def test_two_replicas_make_the_steps_of_one_device(tmp_path):
    path = tmp_path / "mirrored.npz"
    finish(python("-c", MIRRORED, str(path)))
    with np.load(path) as arrays:
        found = [arrays[name] for name in arrays.files]
    # Reordered float32 sums differ by 1e-7 of the largest term; the penalty's terms are hundreds.
    # Noise that is not shared or a gradient clipped in parts would differ by 1e-4 to 10.
    for ours, theirs in zip(found, fitted(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def alone(corpus, tmp_path_factory):
    return run("none", corpus, tmp_path_factory.mktemp("alone"))


def start(strategy, corpus, folder, environment=None, **options) -> subprocess.Popen:
    arguments = ("-m", "tests.runs.worker", strategy, str(corpus.folder), str(folder))
    return python(*arguments, json.dumps(options), **(environment or {}))


def assert_same_run(found, expected) -> None:
    ours, theirs = checkpoint(found), checkpoint(expected)
    assert ours.keys() == theirs.keys()
    del ours["progress"], theirs["progress"]
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, rtol=1e-4, atol=ADAM_ATOL, err_msg=name)
    for mine, other in zip(rows(found), rows(expected), strict=True):
        assert mine.keys() == other.keys()
        for name, value in other.items():
            np.testing.assert_allclose(float(mine[name]), float(value), rtol=1e-2, err_msg=name)


@pytest.mark.slow
def test_a_mirrored_run_ends_with_the_weights_of_one_device(alone, corpus, tmp_path):
    finish(start("mirrored", corpus, tmp_path))
    assert_same_run(RunFolder(tmp_path), alone)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def two_workers(corpus, folder, *options: dict) -> list[str]:
    addresses = [f"localhost:{port}" for port in free_ports(2)]
    started = []
    for index, own in enumerate(options):
        task = {"type": "worker", "index": index}
        cluster = {"cluster": {"worker": addresses}, "task": task}
        environment = {"TF_CONFIG": json.dumps(cluster)}
        started.append(start("multiworker", corpus, folder, environment, **own))
    return finish(*started)


@pytest.mark.slow
def test_two_workers_one_of_them_interrupted_end_with_the_weights_of_one_device(
    alone, corpus, tmp_path
):
    texts = two_workers(corpus, tmp_path, {}, {"interrupt": 2})
    assert all("interrupted" in text for text in texts)
    assert json.loads(str(checkpoint(RunFolder(tmp_path))["progress"]))["step"] == 2
    two_workers(corpus, tmp_path, {"resume": True}, {"resume": True})
    assert_same_run(RunFolder(tmp_path), alone)


@pytest.mark.slow
def test_two_devices_under_jax_end_with_the_weights_of_one_including_dropout(corpus, tmp_path):
    pytest.importorskip("jax")
    jax = {"KERAS_BACKEND": "jax"}
    two = {**jax, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    folders = [tmp_path / "one", tmp_path / "two"]
    for strategy, folder, environment in zip(
        ("none", "mirrored"), folders, (jax, two), strict=True
    ):
        finish(start(strategy, corpus, folder, environment, dropout=0.2))
    one, other = (RunFolder(folder) for folder in folders)
    assert json.loads(other.facts.read_text())["devices"] == 2
    assert_same_run(other, one)


WORKERS = {"cluster": {"worker": ["a:1", "b:2"]}}


@pytest.mark.parametrize(
    ("strategy", "given", "words"),
    [
        ("all", None, "unknown strategy 'all'; choose one of none, mirrored, multiworker"),
        ("multiworker", None, "TF_CONFIG, which is ''"),
        ("multiworker", "{}", "TF_CONFIG, which is '{}'"),
        ("multiworker", json.dumps(WORKERS), "TF_CONFIG"),
        ("multiworker", json.dumps({**WORKERS, "task": {"type": "worker", "index": 2}}), "index"),
        ("multiworker", json.dumps({**WORKERS, "task": {"type": "boss", "index": 0}}), "boss"),
    ],
)
def test_an_unavailable_strategy_gives_one_clear_line(strategy, given, words, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if given is not None:
        monkeypatch.setenv("TF_CONFIG", given)
    with pytest.raises(InputError, match=words) as caught:
        choose(strategy)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("backend", "strategy"), [("jax", "multiworker"), ("torch", "mirrored")])
def test_a_backend_without_the_strategy_gives_one_clear_line(backend, strategy, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    with pytest.raises(InputError, match=f"{strategy} does not run on the Keras backend {backend}"):
        choose(strategy)


def test_a_batch_not_divisible_by_the_devices_is_refused():
    three = Devices()
    three.replicas = 3
    check_batch(9, three)
    with pytest.raises(InputError, match="8 windows does not divide evenly over 3 devices"):
        check_batch(8, three)
