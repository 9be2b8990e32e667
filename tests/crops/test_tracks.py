import numpy as np
import pytest
import soundfile

from tfaudiogan.corpus.files import Encoding, check_file
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


def missing(path):
    pass


@pytest.mark.parametrize(
    ("write", "encoding"),
    [
        pytest.param(wav, Encoding("PCM_16", RATE, plain=True), id="plain"),
        pytest.param(with_trailing_chunk, Encoding("PCM_16", RATE, plain=True), id="chunk after"),
        pytest.param(with_list_chunk, Encoding("PCM_16", RATE, plain=False), id="chunk before"),
        pytest.param(
            lambda path: wav(path, subtype="PCM_24"), Encoding("PCM_24", RATE, False), id="24 bits"
        ),
        pytest.param(
            lambda path: wav(path, subtype="FLOAT"), Encoding("FLOAT", RATE, False), id="floats"
        ),
        pytest.param(
            lambda path: wav(path, format="FLAC"), Encoding("PCM_16", RATE, False), id="FLAC"
        ),
        pytest.param(
            lambda path: wav(path, np.zeros(199), 2 * RATE),
            Encoding("PCM_16", 2 * RATE, False),
            id="rate",
        ),
    ],
)
def test_good_files_pass(tmp_path, write, encoding):
    write(tmp_path / "good.wav")
    assert check_file(tmp_path / "good.wav", SAMPLES, RATE) == encoding


@pytest.mark.parametrize(
    ("write", "message"),
    [
        pytest.param(missing, "cannot be read", id="missing"),
        pytest.param(lambda path: path.mkdir(), "cannot be read", id="folder"),
        pytest.param(lambda path: path.write_bytes(b""), "cannot be read", id="empty"),
        pytest.param(lambda path: cut(path, 43), "cannot be read|no samples", id="cut header"),
        pytest.param(lambda path: cut(path, 44 + 60), "holds 30 samples", id="cut in the samples"),
        pytest.param(lambda path: wav(path, np.zeros(99)), "holds 99 samples", id="short"),
        pytest.param(lambda path: wav(path, np.zeros(101)), "holds 101 samples", id="long"),
        pytest.param(lambda path: wav(path, np.zeros((SAMPLES, 2))), "2 channels", id="stereo"),
        pytest.param(
            lambda path: wav(path, rate=2 * RATE), "holds 50 samples at 8000 Hz", id="rate"
        ),
        pytest.param(
            lambda path: wav(path, np.zeros(99), format="FLAC"), "holds 99 samples", id="FLAC"
        ),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, write, message):
    path = tmp_path / "track.wav"
    write(path)
    with pytest.raises(InputError, match=message) as raised:
        check_file(path, SAMPLES, RATE)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
