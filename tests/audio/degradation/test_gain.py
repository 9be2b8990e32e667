import numpy as np
import pytest

from tests.audio.signals import lag, noise
from tfaudiogan.audio.degradation import AutomaticGain
from tfaudiogan.audio.levels import measure_level

RATE = 16000
BLOCK = 80


def square(level_db, seconds):
    """Return a square wave, each block of which has exactly the same level."""
    samples = round(seconds * RATE)
    return (10 ** (level_db / 20) * np.where(np.arange(samples) % 8 < 4, 1, -1)).astype(np.float32)


@pytest.mark.parametrize(("first", "second", "time"), [(-30.0, -10.0, 0.05), (-10.0, -30.0, 0.4)])
def test_a_step_in_level_is_followed_exponentially(first, second, time):
    audio = np.concatenate([square(first, 2.0), square(second, 2.0)])
    gain = AutomaticGain(strength=0.5, attack_s=0.05, release_s=0.4, max_gain_db=40.0)
    measured_db = 20 * np.log10(gain(audio, RATE) / audio)
    blocks = np.arange(1, 401)
    followed = second + (first - second) * np.exp(-blocks * 0.005 / time)
    expected = 0.5 * (measure_level(audio) - followed)
    # The gain of a block applies at its middle, between two samples.
    middle = (measured_db[2 * RATE :].reshape(400, BLOCK)[:, 39:41]).mean(axis=1)
    np.testing.assert_allclose(middle, expected, atol=1e-3)


def test_the_gain_has_a_limit():
    audio = np.concatenate([square(-40.0, 1.0), square(-3.0, 1.0)])
    gain = AutomaticGain(strength=1.0, attack_s=0.005, release_s=0.1, max_gain_db=6.0)
    gained_db = 20 * np.log10(gain(audio, RATE) / audio)
    assert gained_db[: RATE // 2] == pytest.approx(6.0, abs=1e-4)
    assert gained_db.min() >= -6.0001


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_a_constant_level_is_unchanged(strength):
    audio = square(-20.0, 1.0)
    heard = AutomaticGain(strength, 0.01, 0.1, 20.0)(audio, RATE)
    np.testing.assert_allclose(heard, audio, rtol=1e-5)


def test_drawn_gains_add_no_delay():
    rng = np.random.default_rng(0)
    audio = noise(RATE) * np.linspace(0.05, 1.0, RATE, dtype=np.float32)
    for _ in range(10):
        gain = AutomaticGain.draw(rng, strength=(0.2, 0.9), max_gain_db=(6.0, 20.0))
        assert lag(audio, gain(audio, RATE)) == 0


@pytest.mark.parametrize("audio", [np.zeros(0, np.float32), np.zeros(500, np.float32), noise(1)])
def test_any_length_and_silence_are_kept(audio):
    heard = AutomaticGain(0.5, 0.01, 0.1, 20.0)(audio, RATE)
    assert heard.shape == audio.shape
    assert np.isfinite(heard).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((1.5, 0.01, 0.1, 6.0), "strength is 1.5"),
        ((0.5, 0.0, 0.1, 6.0), "attack_s is 0"),
        ((0.5, 0.01, -1.0, 6.0), "release_s is -1"),
        ((0.5, 0.01, 0.1, 0.0), "max_gain_db is 0"),
    ],
)
def test_bad_values_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        AutomaticGain(*values)
