import numpy as np
import pytest

from tests.audio.signals import amplitude, lag, noise, sine
from tfaudiogan.audio.degradation import Clipping

RATE = 16000


def test_hard_clipping_cuts_a_sine_at_its_headroom():
    audio = sine(1000.0, RATE, 1.024, amplitude=0.5)
    clipped = Clipping("hard", headroom_db=0.0)(audio, RATE)
    bound = 0.5 / np.sqrt(2)  # The level of a sine is its root mean square.
    np.testing.assert_allclose(clipped, np.clip(audio, -bound, bound), atol=1e-5)


def test_a_hard_clipped_sine_has_its_fourier_coefficients():
    clipped = Clipping("hard", headroom_db=0.0)(sine(1000.0, 192000, 0.512, 0.5), 192000)
    angle = np.arcsin(1 / np.sqrt(2))
    first = 0.5 / np.pi * (2 * angle + np.sin(2 * angle))
    # Clipping a sampled signal causes aliasing; at 192 samples per period it is below 1e-4.
    assert amplitude(clipped, 1000.0, 192000) == pytest.approx(first, rel=1e-3)


def test_soft_clipping_is_a_hyperbolic_tangent():
    audio = sine(1000.0, RATE, 1.024, amplitude=0.5)
    clipped = Clipping("soft", headroom_db=6.0)(audio, RATE)
    bound = 0.5 / np.sqrt(2) * 10 ** (6 / 20)
    np.testing.assert_allclose(clipped, bound * np.tanh(audio / bound), atol=1e-5)


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_much_headroom_changes_nothing(kind):
    audio = noise(2000)
    np.testing.assert_allclose(Clipping(kind, 60.0)(audio, RATE), audio, atol=1e-5)


def test_drawn_clipping_adds_no_delay():
    rng = np.random.default_rng(0)
    audio = noise(RATE)
    kinds = set()
    for _ in range(10):
        clipping = Clipping.draw(rng, headroom_db=(3.0, 12.0))
        kinds.add(clipping.kind)
        assert lag(audio, clipping(audio, RATE)) == 0
    assert kinds == {"hard", "soft"}


@pytest.mark.parametrize("samples", [0, 500])
def test_silence_stays_silent(samples):
    silence = np.zeros(samples, np.float32)
    np.testing.assert_array_equal(Clipping("hard", 0.0)(silence, RATE), silence)


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match="'fold'"):
        Clipping("fold", 3.0)
