import numpy as np
import pytest
from scipy import signal

from tests.audio.signals import lag, noise
from tfaudiogan.audio.degradation import Codec
from tfaudiogan.audio.degradation.codec import CODECS


def below_3_khz(sample_rate, seconds=0.6):
    """Return noise in the band that is kept even at 20 kbit/s."""
    sections = signal.butter(4, 3000.0, fs=sample_rate, output="sos")
    return signal.sosfilt(sections, noise(round(seconds * sample_rate))).astype(np.float32)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("sample_rate", [8000, 16000, 22050, 44100, 48000, 96000])
def test_aligned_to_the_sample_at_every_rate_and_compression(codec, sample_rate):
    audio = below_3_khz(sample_rate)
    for compression in (0.0, 0.75, 0.8, 0.95):
        coded = Codec(codec, compression)(audio, sample_rate)
        assert coded.shape == audio.shape
        assert coded.dtype == np.float32
        assert lag(audio, coded) == 0, compression


@pytest.mark.parametrize("codec", CODECS)
def test_more_compression_is_further_from_the_original(codec):
    audio = below_3_khz(48000)
    errors = [
        np.mean((Codec(codec, compression)(audio, 48000) - audio) ** 2) / np.mean(audio**2)
        for compression in (0.0, 0.5, 0.95)
    ]
    assert 0 < errors[0] < 0.01
    assert errors[0] < errors[1] < errors[2] < 0.5


@pytest.mark.parametrize("codec", CODECS)
def test_the_codec_is_deterministic(codec):
    audio, stage = noise(20000), Codec(codec, 0.7)
    np.testing.assert_array_equal(stage(audio, 44100), stage(audio, 44100))


@pytest.mark.parametrize("codec", CODECS)
def test_a_gain_commutes_with_the_codec_even_beyond_full_scale(codec):
    audio, stage = noise(20000), Codec(codec, 0.7)
    np.testing.assert_allclose(stage(64 * audio, 44100), 64 * stage(audio, 44100), rtol=1e-5)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("samples", [0, 1, 2, 100, 1105, 1153])
def test_any_length_is_kept(codec, samples):
    coded = Codec(codec, 0.5)(noise(samples), 44100)
    assert coded.shape == (samples,)
    assert np.isfinite(coded).all()


def test_long_signals_do_not_overflow_the_encoder():
    audio = np.tile(noise(16000), 150)  # in one piece, these would crash the encoder
    assert len(Codec("vorbis", 0.5)(audio, 16000)) == len(audio)


def test_silence_stays_silent():
    np.testing.assert_array_equal(Codec("mp3", 0.5)(np.zeros(2000), 16000), np.zeros(2000))


@pytest.mark.parametrize(
    ("codec", "compression", "message"),
    [("wma", 0.5, "'wma'"), ("opus", 1.0, "compression is 1"), ("opus", -0.1, "compression is -0")],
)
def test_bad_values_are_named(codec, compression, message):
    with pytest.raises(ValueError, match=message):
        Codec(codec, compression)
