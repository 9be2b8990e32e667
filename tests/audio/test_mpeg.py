import numpy as np
import pytest
import soundfile

from tfaudiogan.audio.files import AudioReader
from tfaudiogan.audio.mpeg import with_length

ENCODER_DELAY = 3_000
"""More samples than a decoder leaves out where a file states the delay of its encoder."""

PICTURE = b"ID3\x04\0\0\0\0\x7f\x76" + b"\xff\xfb" * ((0x7F * 128 + 0x76) // 2)
"""An ID3v2 tag whose content looks like headers of frames."""


def variable(seconds, rate, channels, loud_first):
    """Noise whose bit rate falls or rises in the middle."""
    noise = np.random.default_rng(1).normal(0.0, 0.2, (int(seconds * rate), channels))
    quiet = slice(len(noise) // 2, None) if loud_first else slice(len(noise) // 2)
    noise[quiet] *= 1e-4
    return noise.clip(-0.9, 0.9).astype(np.float32)


def read_all(path):
    return np.concatenate(list(AudioReader(path).blocks()))


def without_length(path) -> bytes:
    """Return the content of a file of libsndfile without its first frame, which has the length."""
    content = path.read_bytes()
    start = content.index(b"\xff", 1)
    while content[start + 1] & 0xFE != content[1] & 0xFE:
        start = content.index(b"\xff", start + 1)
    assert b"Xing" in content[:start] or b"Info" in content[:start]
    return content[start:]


@pytest.mark.parametrize("tag", [b"", PICTURE], ids=["no tag", "picture"])
@pytest.mark.parametrize("loud_first", [True, False])
@pytest.mark.parametrize(("rate", "channels"), [(44100, 1), (48000, 2), (22050, 1), (16000, 2)])
def test_an_mp3_without_its_length_is_read_whole(rate, channels, loud_first, tag, tmp_path):
    audio = variable(2.0, rate, channels, loud_first)
    path = tmp_path / "sound.mp3"
    soundfile.write(
        path, audio, rate, "MPEG_LAYER_III", compression_level=0.5, bitrate_mode="VARIABLE"
    )
    whole = read_all(path)
    path.write_bytes(tag + without_length(path))
    assert abs(soundfile.info(path).frames - len(audio)) > rate / 10, "libsndfile's own estimate"

    found = read_all(path)
    assert len(found) == AudioReader(path).samples
    assert 0 <= len(found) - len(audio) <= ENCODER_DELAY
    # Some 500 samples of the file with its length are left out as the encoder's delay. The first
    # frames may refer to bits of the one that was removed.
    middle = len(whole) // 2 + np.arange(1000)
    errors = [np.abs(found[middle + d] - whole[middle]).max() for d in range(ENCODER_DELAY)]
    assert min(errors) < 1e-6
    start = len(found) - 5000
    # The first frames of a part may lack bits of earlier ones.
    part = AudioReader(path).read(start, 9999)
    assert len(part) == 5000
    np.testing.assert_allclose(part[2000:], found[start + 2000 :], atol=1e-6)


def test_what_lies_between_frames_is_skipped(tmp_path):
    path = tmp_path / "sound.mp3"
    soundfile.write(path, variable(1.0, 44100, 1, True), 44100, "MPEG_LAYER_III")
    frames = without_length(path)
    path.write_bytes(frames)
    expected = AudioReader(path).samples
    path.write_bytes(b"\0" * 333 + frames + b"TAG".ljust(128, b"\0"))
    assert AudioReader(path).samples == expected


@pytest.mark.parametrize("name", ["sound.mp3", "sound.wav", "sound.flac", "sound.ogg"])
def test_files_that_state_their_length_are_left_alone(name, tmp_path):
    path = tmp_path / name
    soundfile.write(path, variable(0.5, 44100, 1, True), 44100)
    assert with_length(path) is None
