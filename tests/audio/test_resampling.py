"""Compare resampling with a sine computed at both rates."""

import numpy as np
import pytest

from tfaudiogan.audio.resampling import Resampler, resample

RATES = [
    (44100, 48000),
    (48000, 44100),
    (44100, 16000),
    (96000, 8000),
    (8000, 96000),
    (44100, 44099),
]


def faded_sine(rate, hertz=440.0, seconds=0.5):
    time = np.arange(int(rate * seconds)) / rate
    return (np.sin(2 * np.pi * hertz * time) * np.sin(np.pi * time / seconds) ** 2).astype("f4")


@pytest.mark.parametrize(("source", "target"), RATES)
def test_a_sine_stays_where_it_is(source, target):
    audio = resample(faded_sine(source), source, target)
    expected = faded_sine(target)
    samples = min(len(audio), len(expected))
    assert abs(len(audio) - len(expected)) <= 1
    np.testing.assert_allclose(audio[:samples], expected[:samples], atol=2e-6)  # -114 dB


@pytest.mark.parametrize(("source", "target"), RATES)
@pytest.mark.parametrize("samples", [0, 1, 2, 3, 441, 1000, 40_001])
def test_a_round_trip_loses_no_sample(source, target, samples):
    there = resample(np.ones(samples, np.float32), source, target)
    assert len(there) == -(-samples * target // source)
    assert len(resample(there, target, source)) >= samples


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_pieces_add_up_to_the_whole_signal(channels):
    rng = np.random.default_rng(channels)
    audio = rng.standard_normal((20_000, channels)).astype(np.float32)
    resampler = Resampler(44100, 48000, channels)
    for _ in range(2):  # flush makes it ready for another signal
        pieces = np.split(audio, np.sort(rng.integers(0, len(audio), 9)))
        streamed = [resampler.feed(piece) for piece in pieces] + [resampler.flush()]
        np.testing.assert_array_equal(np.concatenate(streamed), resample(audio, 44100, 48000))


def test_same_rate_passes_through():
    audio = np.ones((7, 2), np.float32)
    np.testing.assert_array_equal(resample(audio, 44100, 44100), audio)


@pytest.mark.parametrize("rates", [(0, 44100), (44100, 0), (-1, 44100)])
def test_bad_rate(rates):
    with pytest.raises(ValueError, match=r"_rate is (0|-1) Hz"):
        Resampler(*rates, 1)
