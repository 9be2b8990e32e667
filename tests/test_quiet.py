import os
import signal
import subprocess
import sys

import pytest

STARTING = [
    "I0000 00:00:1795644866.533762   11380 cpu_feature_guard.cc:227] This TensorFlow binary is",
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1795647778.454969   10942 port.cc:153] oneDNN custom operations are on. You may",
    "I0000 00:00:1795647778.456104   10942 cudart_stub.cc:31] Could not find cuda drivers on your",
    "E0000 00:00:1795647852.410420   11267 cuda_platform.cc:52] failed call to cuInit: UNKNOWN",
    "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",
]
REAL = [
    "E0000 00:00:1795647778.456104   10942 tensor_util.cc:31] the tensor has no elements",
    "W0000 00:00:1795647778.456104   10942 bfc_allocator.cc:31] ran out of memory trying to",
    "F0000 00:00:1795647778.456104   10942 tensor.cc:31] Check failed: dtype() == expected_dtype",
    "UserWarning: the weights are odd",
    "Traceback (most recent call last):",
]


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_startup_lines_are_dropped_and_others_are_passed_on():
    lines = [line for pair in zip(STARTING, [*REAL, "end"], strict=True) for line in pair]
    code = f"""
import os, sys
from tfaudiogan.quiet import starting
with starting():
    for line in {lines!r}:
        os.write(2, (line + "\\n").encode())
    print("from Python", file=sys.stderr)
print("after", file=sys.stderr)
"""
    result = run(code)
    assert result.stderr.splitlines() == [*REAL, "end", "from Python", "after"]


def test_an_error_in_between_is_not_lost():
    result = run(
        "from tfaudiogan.quiet import starting\nwith starting():\n    raise ValueError('seen')"
    )
    assert result.returncode == 1
    assert "ValueError: seen" in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs /bin/sh")
def test_the_last_output_of_a_crashing_process_is_not_lost():
    result = run(
        f"""
import os
from tfaudiogan.quiet import starting
with starting():
    os.write(2, {REAL[2]!r}.encode())
    os.abort()
"""
    )
    assert result.returncode == -signal.SIGABRT
    assert REAL[2] in result.stderr


@pytest.mark.slow
def test_tensorflow_starts_quietly():
    code = """
from tfaudiogan.quiet import quiet_imports
quiet_imports()
import tensorflow as tf, keras
keras.Sequential([keras.layers.Dense(1)])(tf.zeros((1, 1)))
"""
    result = run(code, TF_CPP_MIN_LOG_LEVEL="3")
    assert result.returncode == 0
    assert result.stderr == ""
