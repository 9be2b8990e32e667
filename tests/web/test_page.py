"""Test the built page in a real browser and compare it with the command line."""

import json
import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile

from tfaudiogan.cli import main
from tfaudiogan.web.server import PAGE, make_server

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed"),
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium; name one in CHROMIUM"),
]


@pytest.fixture(scope="module")
def address():
    subprocess.run(["make", "web", f"PYTHON={sys.executable}"], cwd=ROOT, check=True)
    with serving(make_server(0, page=PAGE)) as server:
        yield f"http://localhost:{server.server_port}/"


@contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def plain_address(address):
    """Serve the page in a subfolder of a host that sends no special headers."""
    handler = partial(QuietHandler, directory=str(PAGE.parent))
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        yield f"http://localhost:{server.server_port}/{PAGE.name}/"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture
def drive(address, tmp_path):
    """Return a function that runs a scenario of ``web/tests/drive.mjs`` and returns its results."""

    def run(scenario: str, *files: Path, address: str = address) -> dict:
        command = ["node", "tests/drive.mjs", scenario, address, tmp_path, *files]
        environment = {**os.environ, "CHROMIUM": CHROMIUM}
        done = subprocess.run(
            command, cwd=WEB, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.stdout, done.stderr
        seen = json.loads(done.stdout)
        assert "failure" not in seen, seen
        assert seen["errors"] == []
        assert seen["elsewhere"] == [], "the page talks to its own server only, and sends nothing"
        return seen

    return run


def music(seconds: float, rate: int, channels: int, seed: int = 0) -> np.ndarray:
    """Return dull, decaying tones and hiss, with a different balance in each channel."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    audio = np.zeros((len(time), channels))
    for _ in range(round(6 * seconds)):
        after = np.maximum(time - rng.uniform(0, seconds), 0)
        frequency = 110 * 2 ** (rng.integers(0, 36) / 12)
        partials = np.arange(1, min(12, int(0.45 * rate / frequency)) + 1)
        tone = sum(np.sin(2 * np.pi * frequency * k * after) / k**1.5 for k in partials)
        audio += (tone * np.exp(-3 * after))[:, None] * rng.uniform(0.02, 0.06, channels)
    numerator, denominator = scipy.signal.butter(2, (500, 1500), "bandpass", fs=rate)
    audio = 3 * scipy.signal.lfilter(numerator, denominator, audio, axis=0)
    return audio + 3e-4 * rng.normal(size=audio.shape)


def enhanced_by_command(recording: Path, out: Path) -> np.ndarray:
    """Enhance a recording with the command and the model of the page."""
    (model,) = (PAGE / "model").glob("*.tflite")
    with pytest.raises(SystemExit) as caught:
        main(["enhance", str(recording), "--model", str(model), "--out", str(out), "--float"])
    assert not caught.value.code
    return soundfile.read(out, always_2d=True)[0]


@pytest.mark.parametrize(
    ("name", "rate", "channels"),
    [("stereo.flac", 44100, 2), ("mono.wav", 16000, 1), ("other-rate.wav", 48000, 1)],
)
def test_a_dropped_recording_is_enhanced_as_by_the_command(drive, tmp_path, name, rate, channels):
    recording = tmp_path / name
    soundfile.write(recording, music(5.3, rate, channels), rate, "PCM_16")
    seen = drive("enhance", recording)
    audio, saved_rate = soundfile.read(seen["path"], always_2d=True)
    assert Path(seen["path"]).name == f"{recording.stem}-enhanced.wav"
    assert (saved_rate, soundfile.info(seen["path"]).subtype) == (rate, "PCM_24")
    expected = enhanced_by_command(recording, tmp_path / "command.wav")
    assert audio.shape == expected.shape
    error_db = 10 * np.log10(np.mean((audio - expected) ** 2) / np.mean(expected**2))
    assert error_db < -40
    dry = soundfile.read(recording, always_2d=True)[0]
    change_db = 10 * np.log10(np.mean((expected - dry) ** 2) / np.mean(dry**2))
    assert change_db > error_db + 10, "the network does more than the error"
    np.testing.assert_allclose(soundfile.read(seen["dry"], always_2d=True)[0], dry, atol=2**-15)
    assert 0.2 < seen["moved"] < 3, "it plays"
    assert seen["picture"] > 50, "a spectrogram is drawn"
    assert seen["title"] == name
    assert not seen["overflow"], "nothing is wider than a phone's screen"
    assert seen["isolated"]


def test_wrong_files_are_refused_by_name(drive, tmp_path):
    wrong = {
        "notes.wav": (b"These are notes, not sound. " * 50, "can’t be decoded"),
        "empty.mp3": (b"", "is empty"),
        "picture.png": (b"\x89PNG\r\n\x1a\n" + bytes(500), "can’t be decoded"),
    }
    for name, (content, _) in wrong.items():
        (tmp_path / name).write_bytes(content)
    seen = drive("wrong", *(tmp_path / name for name in wrong))
    for (name, (_, part)), complaint in zip(wrong.items(), seen["complaints"], strict=True):
        assert name in complaint["text"]
        assert part in complaint["text"]
        assert complaint["role"] == "alert"
        assert not complaint["working"]


def test_cancel_ends_the_work_at_once(drive, tmp_path):
    soundfile.write(tmp_path / "long.wav", np.tile(music(10, 16000, 1), (18, 1)), 16000)
    seen = drive("cancel", tmp_path / "long.wav")
    assert seen["value"] < 90
    assert seen["milliseconds"] < 5000
    assert not seen["result"]
    assert seen["said"] == "Cancelled."


def test_it_works_on_a_plain_host_and_then_without_a_network(drive, plain_address, tmp_path):
    soundfile.write(tmp_path / "take.wav", music(2, 16000, 1), 16000)
    seen = drive("offline", tmp_path / "take.wav", address=plain_address)
    assert seen["cut"], "the browser has no network"
    expected = enhanced_by_command(tmp_path / "take.wav", tmp_path / "command.wav")
    audio = soundfile.read(seen["path"], always_2d=True)[0]
    assert np.mean((audio - expected) ** 2) < 1e-4 * np.mean(expected**2)


def test_everything_can_be_done_by_keyboard(drive, tmp_path):
    soundfile.write(tmp_path / "take.wav", music(2, 16000, 1), 16000)
    seen = drive("keyboard", tmp_path / "take.wav")
    assert seen["first"] == "title", "focus goes to the result"
    assert seen["playing"] == "Pause"
    assert seen["side"] == "original"
    assert seen["blind"]
    assert seen["verdict"].startswith(("Right: 1 of 1", "Wrong: 0 of 1"))
    assert seen["amount"] == "95 %"
    assert Path(seen["path"]).stat().st_size > 2 * 16000 * 3
    assert seen["last"] == "file"
    assert seen["unnamed"] == []
