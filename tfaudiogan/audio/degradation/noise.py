"""Noise of the surroundings and of the electronics, at a given distance below the signal."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import fft

from tfaudiogan.audio.draws import seed as draw_seed
from tfaudiogan.audio.draws import uniform
from tfaudiogan.audio.levels import db_to_gain, measure_level

LOWEST_HZ = 20.0
COLOURS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "white": lambda hz: np.ones_like(hz),
    "pink": lambda hz: (hz / LOWEST_HZ) ** -0.5,
    "brown": lambda hz: (hz / LOWEST_HZ) ** -1.0,
    "speech": lambda hz: (1.0 + (hz / 500.0) ** 2) ** -0.75,
}
"""Amplitude over frequency: falling by 0, 3 and 6 dB an octave, and like the long-term spectrum of
speech, flat to 500 Hz and falling by 9 dB an octave above. Flat below ``LOWEST_HZ``."""


def coloured_noise(
    samples: int, sample_rate: int, colour: str, rng: np.random.Generator
) -> np.ndarray:
    """Gaussian noise of mean power 1, ``(samples,)`` float32."""
    size = fft.next_fast_len(max(samples, 2), real=True)
    spectrum = fft.rfft(rng.standard_normal(size, dtype=np.float32))
    hz = np.maximum(fft.rfftfreq(size, 1.0 / sample_rate), LOWEST_HZ).astype(np.float32)
    spectrum *= COLOURS[colour](hz)
    spectrum[0] = 0.0
    noise = fft.irfft(spectrum, size)[:samples]
    power = np.square(noise, dtype=np.float64).mean() if samples else 1.0
    return noise / np.float32(np.sqrt(power))


@dataclass(frozen=True)
class BackgroundNoise:
    """Stationary noise of the surroundings.

    Args:
        snr_db: level of the signal (``tfaudiogan.audio.levels``) over that of the noise.
        colour: one of ``COLOURS``.
        seed: of the noise itself.

    Raises:
        ValueError: for an unknown colour.
    """

    snr_db: float
    colour: str
    seed: int

    def __post_init__(self) -> None:
        if self.colour not in COLOURS:
            raise ValueError(f"colour is {self.colour!r}; expected one of {', '.join(COLOURS)}")

    @classmethod
    def draw(cls, rng: np.random.Generator, snr_db: tuple[float, float]) -> "BackgroundNoise":
        """Any colour with equal chance."""
        return cls(uniform(rng, snr_db, 2), str(rng.choice(list(COLOURS))), draw_seed(rng))

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Add noise to ``(samples,)``; none to silence, which has no level."""
        level = measure_level(audio)
        if level is None:
            return audio.astype(np.float32)
        rng = np.random.default_rng(self.seed)
        noise = coloured_noise(len(audio), sample_rate, self.colour, rng)
        noise *= np.float32(db_to_gain(level - self.snr_db))
        return noise + audio.astype(np.float32)


@dataclass(frozen=True)
class ThermalNoise:
    """White noise of the microphone's electronics.

    Args:
        snr_db: level of the signal over that of the noise.
        seed: of the noise itself.
    """

    snr_db: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, snr_db: tuple[float, float]) -> "ThermalNoise":
        """Nothing to choose but the ratio."""
        return cls(uniform(rng, snr_db, 2), draw_seed(rng))

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Add noise to ``(samples,)``; none to silence, which has no level."""
        return BackgroundNoise(self.snr_db, "white", self.seed)(audio, sample_rate)
