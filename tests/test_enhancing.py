"""Test `tfaudiogan enhance` and `models` as a new user runs them."""

import base64
import io
import json
import os
import re
import subprocess
import sys

import numpy as np
import pyloudnorm
import pytest
import soundfile

from tfaudiogan.cli import main
from tfaudiogan.commands import enhancing
from tfaudiogan.inference import released
from tfaudiogan.inference.metadata import ModelMetadata

RATE = 8000


@pytest.fixture
def halving(monkeypatch):
    """Install a released model that halves the amplitude."""

    def half(windows):
        return windows / 2

    half.metadata = ModelMetadata(RATE, 64)
    monkeypatch.setattr(enhancing, "find_model", lambda name: half)


@pytest.fixture
def takes(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a.wav", "b.flac", "inner/c.wav"):
        path = tmp_path / "takes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.2 * rng.standard_normal((RATE, 2)), RATE)
    (tmp_path / "takes" / "notes.txt").write_text("not audio")
    return tmp_path / "takes"


def call(*arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return stop.value.code or 0


def samples(path):
    return soundfile.read(path)[0]


def test_the_output_is_next_to_the_input_and_is_not_replaced(halving, takes, capsys):
    assert call("enhance", takes / "a.wav") == 0
    out = takes / "a-enhanced.wav"
    np.testing.assert_allclose(samples(out), samples(takes / "a.wav") / 2, atol=1e-4)
    line = capsys.readouterr().out
    assert "2 channels" in line and "level -" in line and "largest change" in line
    out.write_bytes(b"mine")
    assert call("enhance", takes / "a.wav") == 2
    assert out.read_bytes() == b"mine"
    assert "--overwrite" in capsys.readouterr().err
    assert call("enhance", takes / "a.wav", "--overwrite") == 0
    assert len(samples(out)) == RATE


def test_the_line_says_that_nothing_changed(monkeypatch, takes, capsys):
    def same(windows):
        return windows

    same.metadata = ModelMetadata(RATE, 64)
    monkeypatch.setattr(enhancing, "find_model", lambda name: same)
    assert call("enhance", takes / "a.wav") == 0
    line = capsys.readouterr().out
    assert "left as it was" in line and "largest change" not in line


@pytest.mark.parametrize("recursive", [False, True])
def test_folders(halving, takes, tmp_path, recursive):
    options = ["--recursive"] if recursive else []
    assert call("enhance", takes, "--out", tmp_path / "out", *options) == 0
    out = tmp_path / "out"
    found = {path.relative_to(out).as_posix() for path in out.rglob("*.*")}
    assert found == {"a.wav", "b.flac"} | ({"inner/c.wav"} if recursive else set())


def test_a_second_run_over_a_folder_leaves_its_own_outputs_alone(halving, takes):
    assert call("enhance", takes) == 0
    assert call("enhance", takes, "--overwrite") == 0
    assert not list(takes.glob("*enhanced-enhanced*"))


def test_patterns(halving, takes, capsys):
    assert call("enhance", takes / "*.wav") == 0
    assert (takes / "a-enhanced.wav").is_file()
    assert not (takes / "b-enhanced.flac").exists()
    assert call("enhance", takes / "*.ogg") == 2
    assert "matches no audio file" in capsys.readouterr().err


def test_failed_files_are_named_and_the_others_enhanced(halving, takes, capsys):
    (takes / "broken.wav").write_bytes(b"RIFF")
    assert call("enhance", takes) == 2
    assert (takes / "a-enhanced.wav").is_file() and (takes / "b-enhanced.flac").is_file()
    message = " ".join(capsys.readouterr().err.split())
    assert "1 of 3 recordings" in message and "broken.wav" in message


@pytest.mark.parametrize("amount", [0.0, 0.25, 1.0])
def test_dry_and_wet_are_mixed_sample_for_sample(halving, takes, tmp_path, amount):
    out = tmp_path / "out.wav"
    assert call("enhance", takes / "a.wav", "--out", out, "--amount", amount, "--float") == 0
    expected = samples(takes / "a.wav") * (1 - amount / 2)
    np.testing.assert_allclose(samples(out), expected, atol=1e-6)


@pytest.mark.parametrize("loudness", ["match", "-30"])
def test_loudness(halving, takes, tmp_path, loudness):
    out = tmp_path / "out.wav"
    arguments = ["--out", out, "--loudness", loudness, "--float"]
    assert call("enhance", takes / "a.wav", *arguments) == 0
    meter = pyloudnorm.Meter(RATE)
    before = meter.integrated_loudness(samples(takes / "a.wav"))
    wanted = before if loudness == "match" else -30.0
    assert meter.integrated_loudness(samples(out)) == pytest.approx(wanted, abs=0.01)


def test_a_page_to_compare(halving, takes, tmp_path):
    page = tmp_path / "page.html"
    assert call("enhance", takes, "--out", tmp_path / "out", "--report", page) == 0
    text = page.read_text(encoding="utf-8")
    assert text.count('class="listen comparison"') == 2
    assert text.count("<svg") == 6
    versions = re.findall(r'class="version">([^<]+)<', text)
    assert len(versions) == 4
    before, after = (soundfile.read(io.BytesIO(base64.b64decode(v)))[0] for v in versions[:2])
    # The model halves the level, and the page restores it.
    np.testing.assert_allclose(before, after, atol=1e-4)
    assert set(re.findall(r"https?://[\w.]+", text)) <= {"http://www.w3.org", "http://purl.org"}


@pytest.mark.parametrize("name", ["b.flac", "page.html"])
def test_a_page_is_replaced_only_with_overwrite(halving, takes, capsys, name):
    kept = takes / name
    if name == "page.html":
        kept.write_text("an earlier page")
    before = kept.read_bytes()
    assert call("enhance", takes / "a.wav", "--report", kept) == 2
    assert name in capsys.readouterr().err
    assert kept.read_bytes() == before
    assert not (takes / "a-enhanced.wav").exists()
    asked = call("enhance", takes / "a.wav", "--report", kept, "--overwrite")
    assert (asked, kept.read_bytes() == before) == (
        (0, False) if name == "page.html" else (2, True)
    )


@pytest.mark.parametrize("out", [[], ["--out", "better"]])
def test_two_recordings_never_become_one_file(halving, takes, capsys, monkeypatch, out):
    monkeypatch.chdir(takes)
    soundfile.write("a.flac", np.zeros(RATE), RATE)
    assert call("enhance", "a.wav", "a.flac", "--float", *out) == 2
    message = " ".join(capsys.readouterr().err.split())
    assert "a.wav and a.flac would both become" in message
    assert call("enhance", "a.wav", "a.flac", "--out", "both.wav") == 2
    assert "2 recordings cannot all be both.wav" in " ".join(capsys.readouterr().err.split())
    assert not list(takes.rglob("*-enhanced.wav"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{takes}/none.wav"], "none.wav"),
        (["{takes}/a.wav", "--loudness", "loud"], "'loud'"),
        (["{takes}/a.wav", "--loudness", "7"], "7.0"),
        (["{takes}/a.wav", "--model", "no-such"], "no-such"),
        (["{takes}/inner", "{takes}", "--recursive", "--out", "{takes}/a.wav/x"], "a.wav"),
        (["{empty}"], "holds no audio file"),
    ],
)
def test_wrong_input_gives_one_line(takes, tmp_path, capsys, arguments, message):
    (tmp_path / "empty").mkdir()
    places = {"takes": takes, "empty": tmp_path / "empty"}
    assert call("enhance", *[argument.format(**places) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert message in " ".join(captured.err.split())
    assert "Traceback" not in captured.err


def test_names_are_not_truncated_in_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert call("models") == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in released.released_models())


def test_models_of_a_user_install_are_found(tmp_path):
    code = """
import site
from pathlib import Path
from tfaudiogan.inference import released
assert Path(site.USER_BASE) / "share" / "tfaudiogan" in released.FOLDERS, released.FOLDERS
"""
    environment = {**os.environ, "PYTHONUSERBASE": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_released_models_are_listed(capsys):
    assert call("models") == 0
    listed = capsys.readouterr().out
    assert ("phone" in listed and "44100" in listed) or "16000" in listed
    for model in released.released_models().values():
        assert json.loads((model.folder / released.CARD).read_text())["description"]
        assert model.keras.is_file() and model.tflite.is_file()


def test_a_short_file_needs_neither_tensorflow_nor_keras(tmp_path):
    pytest.importorskip("ai_edge_litert")
    time = np.arange(2 * RATE) / RATE
    soundfile.write(tmp_path / "a.wav", 0.1 * np.sin(2 * np.pi * 440 * time), RATE)
    code = """
import sys
from tfaudiogan.cli import main
try:
    main(["enhance", "a.wav"])
except SystemExit as stop:
    assert not stop.code
loaded = {"tensorflow", "keras", "jax", "matplotlib"} & sys.modules.keys()
assert not loaded, loaded
"""
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert len(samples(tmp_path / "a-enhanced.wav")) == 2 * RATE
    assert "TensorFlow" not in result.stderr
