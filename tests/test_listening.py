"""Test `tfaudiogan listen` with a simulated sound card."""

import sys
import threading
import types

import numpy as np
import pytest
import soundfile

from tfaudiogan.cli import main
from tfaudiogan.inference import released
from tfaudiogan.inference.load import load_model
from tfaudiogan.inference.metadata import ModelMetadata

RATE = 8000


def half(windows):
    return windows / 2


half.metadata = ModelMetadata(RATE, 64)


class Card(types.ModuleType):
    """Replaces sounddevice: feeds a signal to the callback and records what is played."""

    class PortAudioError(Exception):
        pass

    def __init__(self, signal):
        super().__init__("sounddevice")
        card = self
        self.played = []

        class InputStream:
            latency = 0.01

            def __init__(self, blocksize, channels, callback, device, **others):
                if device == "none":
                    raise ValueError("No input device matching 'none'")
                self.arguments = blocksize, channels, callback

            def start(self):
                threading.Thread(target=self.run, daemon=True).start()

            def run(self):
                blocksize, channels, callback = self.arguments
                for start in range(0, len(signal), blocksize):
                    block = np.zeros((blocksize, channels), np.float32)
                    block[: len(signal[start : start + blocksize])] += signal[
                        start : start + blocksize, None
                    ]
                    callback(block, blocksize, None, None)
                    threading.Event().wait(0.0005)

            def stop(self):
                pass

            close = stop

        class OutputStream(InputStream):
            def __init__(self, **options):
                pass

            def start(self):
                pass

            def write(self, audio):
                card.played.append(audio.copy())

        self.InputStream, self.OutputStream = InputStream, OutputStream


@pytest.fixture
def card(monkeypatch):
    signal = 0.1 * np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32)
    card = Card(signal)
    card.signal = signal
    card.__spec__ = types.SimpleNamespace(name="sounddevice")
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    monkeypatch.setattr(released, "find_model", lambda name: half)
    assert load_model(half).metadata.window == 64
    return card


def call(*arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return stop.value.code or 0


@pytest.mark.parametrize("channels", [1, 2])
def test_the_input_is_played_enhanced(card, capsys, channels):
    assert call("listen", "--seconds", 2, "--channels", channels) == 0
    played = np.concatenate(card.played)
    assert played.shape[1] == channels
    heard = card.signal[: 2 * RATE] / 2
    np.testing.assert_allclose(played[:, -1], heard[-len(played) :], atol=1e-6)
    captured = capsys.readouterr()
    assert "latency 28 ms" in captured.err
    assert "2.0 s" in captured.out


def test_measuring_the_level_does_not_delay_the_output(card):
    assert call("listen", "--seconds", 2) == 0
    window, hop = half.metadata.window, half.metadata.hop
    # At most one hop of the first second is played, because waiting output would add latency.
    assert len(card.played[0]) <= hop
    assert RATE <= sum(map(len, card.played)) <= RATE + 2 * window


def test_a_file_is_replaced_only_with_overwrite(card, tmp_path, capsys):
    out = tmp_path / "a.flac"
    out.write_bytes(b"a rehearsal")
    assert call("listen", "--seconds", 0.5, "--out", out) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert out.read_bytes() == b"a rehearsal"
    assert call("listen", "--seconds", 0.5, "--out", out, "--overwrite") == 0
    assert len(soundfile.read(out)[0]) == RATE // 2


def test_recording_into_a_file(card, tmp_path):
    assert call("listen", "--seconds", 0.5, "--out", tmp_path / "a.flac") == 0
    written, rate = soundfile.read(tmp_path / "a.flac")
    assert rate == RATE
    np.testing.assert_allclose(written, card.signal[: RATE // 2] / 2, atol=1e-4)


def test_a_missing_device(card, capsys):
    assert call("listen", "--input", "none") == 2
    assert "'none'" in capsys.readouterr().err


def test_a_missing_extra_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert call("listen", "--seconds", 1) == 2
    assert "live" in capsys.readouterr().err
