import struct
import wave

import numpy as np
import pytest
import soundfile

from tfaudiogan.audio import files
from tfaudiogan.audio.files import AudioReader, audio_writer, read_audio, write_audio
from tfaudiogan.errors import InputError

RATE = 44100


def tone(samples=5000, channels=2, amplitude=0.5):
    phase = 2 * np.pi * np.arange(samples)[:, np.newaxis] * np.arange(1, channels + 1) / 100
    return (amplitude * np.sin(phase)).astype(np.float32)


def wav_bytes(samples=1000, rate=RATE, promised=None):
    data = np.zeros(samples, "<i2").tobytes()
    size = len(data) if promised is None else promised
    head = struct.pack(
        "<4sI4s4sIHHIIHH",
        b"RIFF",
        36 + size & 0xFFFFFFFF,
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        rate,
        2 * rate,
        2,
        16,
    )
    return head + struct.pack("<4sI", b"data", size) + data


@pytest.mark.parametrize("samples", [1, 5, 5000])
@pytest.mark.parametrize(
    ("extension", "rate", "tolerance"),
    [
        (".wav", 44100, 2**-16),  # half a step of 16 bits
        (".flac", 96000, 2**-16),
        (".aiff", 8000, 2**-16),
        (".WAV", 22050, 2**-16),
        (".ogg", 44100, 0.05),
        (".opus", 48000, 0.05),
        (".mp3", 44100, 0.2),  # 1 and 5 samples contain only an impulse
    ],
)
def test_every_format_keeps_length_rate_and_channels(tmp_path, extension, rate, tolerance, samples):
    path = tmp_path / f"sound{extension}"
    assert write_audio(path, tone(samples), rate) == 0
    reader = AudioReader(path)
    assert (reader.samples, reader.channels, reader.sample_rate) == (samples, 2, rate)
    audio, read_rate = read_audio(path)
    assert audio.shape == (samples, 2)
    assert audio.dtype == np.float32
    assert read_rate == rate
    np.testing.assert_allclose(audio, tone(samples), atol=tolerance)


def test_wav_is_what_the_standard_library_reads(tmp_path):
    write_audio(tmp_path / "a.wav", tone(), RATE)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getparams()[:4] == (2, 2, RATE, 5000)
        pcm = np.frombuffer(file.readframes(5000), "<i2").reshape(-1, 2)
    np.testing.assert_array_equal(pcm, np.round(tone() * 32768))


def test_blocks_add_up_to_the_whole_file(tmp_path):
    write_audio(tmp_path / "a.flac", tone(10_000), RATE)
    reader = AudioReader(tmp_path / "a.flac")
    for _ in range(2):
        blocks = list(reader.blocks(777))
        assert [len(block) for block in blocks[:-1]] == [777] * 12
        np.testing.assert_array_equal(np.concatenate(blocks), read_audio(reader.path)[0])
    assert reader.seconds == 10_000 / RATE


def test_mono_and_resampling_on_the_way(tmp_path):
    write_audio(tmp_path / "a.wav", tone(4410), RATE)
    audio, rate = read_audio(tmp_path / "a.wav", sample_rate=48000, mono=True)
    assert (audio.shape, rate) == ((4800,), 48000)
    mono, _ = read_audio(tmp_path / "a.wav", mono=True)
    np.testing.assert_allclose(mono, tone(4410).mean(axis=1), atol=2**-15)


@pytest.mark.parametrize(
    ("extension", "source_subtype", "floats", "subtype"),
    [
        (".wav", None, False, "PCM_16"),
        (".wav", "PCM_16", False, "PCM_16"),
        (".wav", "PCM_24", False, "PCM_24"),
        (".flac", "VORBIS", False, "PCM_24"),
        (".flac", "FLOAT", False, "PCM_24"),
        (".aiff", "PCM_U8", False, "PCM_16"),
        (".wav", "PCM_16", True, "FLOAT"),
        (".mp3", "PCM_24", False, "MPEG_LAYER_III"),
        (".opus", None, False, "OPUS"),
    ],
)
def test_the_output_keeps_the_bit_depth(tmp_path, extension, source_subtype, floats, subtype):
    path = tmp_path / f"a{extension}"
    with audio_writer(path, 48000, 1, source_subtype=source_subtype, floats=floats) as writer:
        writer.write(tone(channels=1))
    assert AudioReader(path).subtype == subtype


def test_clipping_is_counted_and_floats_keep_it(tmp_path):
    loud = np.array([0.5, 1.0, 1.5, -1.0, -3.0], np.float32)
    with audio_writer(tmp_path / "a.wav", RATE, 1) as writer:
        writer.write(loud)
        assert (writer.clipped, writer.peak) == (2, 3.0)
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav")[0], np.clip(loud, -1, 1), atol=2**-15)
    assert write_audio(tmp_path / "b.wav", loud, RATE, floats=True) == 0
    np.testing.assert_array_equal(read_audio(tmp_path / "b.wav")[0], loud)


def test_beyond_four_gigabytes_is_rf64(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_LARGEST_RIFF", 1000)
    write_audio(tmp_path / "a.wav", tone(), RATE)
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RF64"
    assert read_audio(tmp_path / "a.wav")[0].shape == (5000, 2)


@pytest.mark.parametrize("promised", [0xFFFFFFFF, 2000])
def test_wav_from_a_pipe_is_read_to_its_end(tmp_path, promised):
    (tmp_path / "a.wav").write_bytes(wav_bytes(1000, promised=promised))
    assert len(read_audio(tmp_path / "a.wav")[0]) == 1000


def _half_of(extension):
    def make(path):
        whole = path.with_name(f"whole{extension}")
        write_audio(whole, np.random.default_rng(0).uniform(-0.5, 0.5, 50_000), RATE)
        path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    return make


def test_an_mp3_may_lack_its_last_frame(tmp_path):
    """Headers of many MP3 files count a delay that the decoder removes."""
    path = tmp_path / "sound.mp3"
    write_audio(path, tone(50_000), RATE)
    whole, _ = read_audio(path)
    contents = path.read_bytes()
    path.write_bytes(contents[:-300])
    audio, _ = read_audio(path)
    assert audio.shape == whole.shape
    lacking = np.flatnonzero(np.any(audio[::-1] != 0, axis=1))[0]
    assert 0 < lacking <= files.MP3_DELAY
    np.testing.assert_array_equal(audio[: 50_000 - files.MP3_DELAY], whole[: -files.MP3_DELAY])
    assert np.concatenate(list(AudioReader(path).blocks(1000))).shape == whole.shape


def _not_finite(value):
    def make(path):
        audio = tone(100, 1)[:, 0]
        audio[7] = value
        soundfile.write(path, audio, RATE, "FLOAT", format="WAV")

    return make


BAD_INPUT = {
    "missing": (lambda path: None, "does not exist"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "nothing in it": (lambda path: path.write_bytes(b""), "cannot be read as audio"),
    "text": (lambda path: path.write_text("hello " * 99), "cannot be read as audio"),
    "no samples": (lambda path: path.write_bytes(wav_bytes(0)), "holds no samples"),
    "rate 0": (lambda path: path.write_bytes(wav_bytes(rate=0)), "cannot be read as audio"),
    "rate 1": (lambda path: path.write_bytes(wav_bytes(rate=1)), "sample rate of 1 Hz"),
    "rate 4e9": (
        lambda path: path.write_bytes(wav_bytes(rate=2_000_000_000)),
        "sample rate of 2000000000 Hz",
    ),
    "header only": (lambda path: path.write_bytes(wav_bytes()[:30]), "cannot be read as audio"),
    "half a wav": (_half_of(".wav"), "truncated: 50022 bytes"),
    "half an mp3": (_half_of(".mp3"), "truncated: its header announces 50000 samples"),
    "half a flac": (_half_of(".flac"), "is damaged after"),
    "nan": (_not_finite(np.nan), "NaN or infinity at sample 7"),
    "infinity": (_not_finite(-np.inf), "NaN or infinity at sample 7"),
}


@pytest.mark.parametrize(("make", "message"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_gives_one_line_with_the_path(tmp_path, make, message):
    path = tmp_path / "sound.wav"
    make(path)
    with pytest.raises(InputError, match=message) as raised:
        read_audio(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "rate", "channels", "message"),
    [
        ("a.xyz", RATE, 1, "unknown extension '.xyz'"),
        ("a", RATE, 1, "unknown extension ''"),
        ("a.wav", 0, 1, "sample rate of 0 Hz"),
        ("a.opus", RATE, 1, "Opus only supports sample rates"),
        ("a.mp3", 96000, 1, "MPEG-1/2/2.5 only supports sample rates"),
        ("a.mp3", RATE, 3, "cannot hold 3 channels at 44100 Hz"),
        ("a.flac", RATE, 9, "cannot hold 9 channels at 44100 Hz"),
        ("file.txt/a.wav", RATE, 1, "cannot write"),
    ],
)
def test_bad_output(tmp_path, name, rate, channels, message):
    (tmp_path / "file.txt").write_text("in the way")
    with pytest.raises(InputError, match=message) as raised:
        write_audio(tmp_path / name, tone(channels=channels), rate)
    assert name.split("/")[0] in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_floats_need_a_format_that_holds_them(tmp_path):
    with pytest.raises(InputError, match=r"\.flac cannot hold floats; use \.wav"):
        write_audio(tmp_path / "a.flac", tone(), RATE, floats=True)


@pytest.mark.parametrize("extension", [".wav", ".flac", ".aiff"])
def test_full_disk_passes_through_with_the_path_and_leaves_nothing(tmp_path, extension):
    resource = pytest.importorskip("resource")
    path = tmp_path / f"a{extension}"
    noise = np.random.default_rng(0).uniform(-1, 1, 100_000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as raised:
            write_audio(path, noise, RATE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert raised.value.filename == str(path)
    assert not list(tmp_path.iterdir())


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.wav"
    write_audio(path, tone(10), RATE)
    with pytest.raises(KeyboardInterrupt), audio_writer(path, RATE, 2) as writer:
        writer.write(tone())
        raise KeyboardInterrupt
    assert AudioReader(path).samples == 10
    assert list(tmp_path.iterdir()) == [path]
