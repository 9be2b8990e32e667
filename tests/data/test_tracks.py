import numpy as np
import pytest
import soundfile

from tfaudiogan.data.tracks import check_wav
from tfaudiogan.errors import InputError

RATE, SAMPLES = 8000, 100


def wav(path, audio=None, rate=RATE, subtype="PCM_16", **options):
    soundfile.write(path, np.zeros(SAMPLES) if audio is None else audio, rate, subtype, **options)


def cut(path, size):
    wav(path)
    path.write_bytes(path.read_bytes()[:size])


def with_list_chunk(path):
    wav(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:36] + b"LIST\x04\x00\x00\x00INFO" + whole[36:])


def with_trailing_chunk(path):
    wav(path)
    path.write_bytes(path.read_bytes() + b"LIST\x04\x00\x00\x00INFO")


@pytest.mark.parametrize("write", [wav, with_trailing_chunk])
def test_good_files_pass(tmp_path, write):
    write(tmp_path / "good.wav")
    check_wav(tmp_path / "good.wav", SAMPLES, RATE)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        pytest.param(lambda path: None, "cannot be read", id="missing"),
        pytest.param(lambda path: path.mkdir(), "cannot be read", id="folder"),
        pytest.param(lambda path: path.write_bytes(b""), "has 0 bytes", id="empty"),
        pytest.param(lambda path: cut(path, 43), "has 43 bytes", id="cut in the header"),
        pytest.param(lambda path: cut(path, 44 + 60), "holds 30 samples", id="cut in the samples"),
        pytest.param(lambda path: wav(path, np.zeros(99)), "holds 99 samples", id="short"),
        pytest.param(lambda path: wav(path, np.zeros(101)), "holds 101 samples", id="long"),
        pytest.param(lambda path: wav(path, np.zeros((SAMPLES, 2))), "2 channels", id="stereo"),
        pytest.param(lambda path: wav(path, rate=16000), "16000 Hz", id="rate"),
        pytest.param(lambda path: wav(path, subtype="PCM_24"), "24 bits", id="24 bits"),
        pytest.param(lambda path: wav(path, subtype="FLOAT"), "not a PCM WAV", id="float"),
        pytest.param(lambda path: wav(path, format="FLAC"), "not a PCM WAV", id="FLAC"),
        pytest.param(with_list_chunk, "not a PCM WAV", id="chunk before the samples"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, write, message):
    path = tmp_path / "track.wav"
    write(path)
    with pytest.raises(InputError, match=message) as raised:
        check_wav(path, SAMPLES, RATE)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
