"""Test the script next to the model card that selects recordings with all bands."""

import numpy as np
import pytest
import soundfile
from scipy import signal

from tests.scripts import load_script
from tfaudiogan.errors import InputError

RATE = 44_100


@pytest.fixture(scope="module")
def script():
    return load_script("recordings")


def noise(seconds: float) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).standard_normal(int(seconds * RATE))


def test_the_end_of_the_spectrum(script, tmp_path):
    full = noise(30)
    for hertz in (16_000, 18_500):
        cut = signal.sosfilt(signal.butter(24, hertz, fs=RATE, output="sos"), full)
        soundfile.write(tmp_path / "cut.wav", cut, RATE)
        # Bands are 1 kHz wide, and the filter needs part of one to fall by 14 dB.
        assert script.end_of_spectrum(tmp_path / "cut.wav") == pytest.approx(hertz, abs=1500)
    soundfile.write(tmp_path / "full.wav", full, RATE)
    assert script.end_of_spectrum(tmp_path / "full.wav") == 20_000


def test_short_and_cut_recordings_are_left_out(script, tmp_path, capsys):
    source, out = tmp_path / "source", tmp_path / "out"
    (source / "game").mkdir(parents=True)
    soundfile.write(source / "game" / "long.flac", noise(26), RATE)
    soundfile.write(source / "game" / "short.flac", noise(20), RATE)
    soundfile.write(source / "slow.flac", noise(26), 32_000)
    cut = signal.sosfilt(signal.butter(24, 14_000, fs=RATE, output="sos"), noise(26))
    soundfile.write(source / "cut.flac", cut, RATE)
    (source / "broken.flac").write_bytes(b"fLaC")
    script.main(source, out)
    assert [path.name for path in out.rglob("*.flac")] == ["long.flac"]
    assert (out / "game" / "long.flac").resolve() == (source / "game" / "long.flac").resolve()
    script.main(source, out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no recordings"):
        script.main(tmp_path / "empty", out)


def test_no_recording_is_replaced_by_a_link(script, tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    soundfile.write(source / "long.flac", noise(26), RATE)
    before = (source / "long.flac").read_bytes()
    for inside in (source, source / "links"):
        with pytest.raises(InputError, match="give a folder outside of it"):
            script.main(source, inside)
    out.mkdir()
    (out / "long.flac").write_bytes(b"another file")
    with pytest.raises(InputError, match="is not a link"):
        script.main(source, out)
    assert (source / "long.flac").read_bytes() == before
    assert (out / "long.flac").read_bytes() == b"another file"
