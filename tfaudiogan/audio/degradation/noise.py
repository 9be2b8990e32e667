"""Synthetic noise from the surroundings and the electronics, at a given signal-to-noise ratio."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import fft

from tfaudiogan.audio.draws import seed as draw_seed
from tfaudiogan.audio.draws import uniform
from tfaudiogan.audio.levels import db_to_gain, measure_level

FLAT_BELOW_HZ = 20.0
NOISE_COLORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "white": lambda hz: np.ones_like(hz),
    "pink": lambda hz: (hz / FLAT_BELOW_HZ) ** -0.5,
    "brown": lambda hz: (hz / FLAT_BELOW_HZ) ** -1.0,
    "speech": lambda hz: (1.0 + (hz / 500.0) ** 2) ** -0.75,
}
"""Amplitude as a function of frequency. White, pink and brown noise fall by 0, 3 and 6 dB per
octave. Speech-shaped noise is flat up to 500 Hz and falls by 9 dB per octave above. All are flat
below ``FLAT_BELOW_HZ``."""


def colored_noise(
    samples: int, sample_rate: int, color: str, rng: np.random.Generator
) -> np.ndarray:
    """Generate Gaussian noise of mean power 1, ``(samples,)`` float32."""
    size = fft.next_fast_len(max(samples, 2), real=True)
    spectrum = fft.rfft(rng.standard_normal(size, dtype=np.float32))
    hz = np.maximum(fft.rfftfreq(size, 1.0 / sample_rate), FLAT_BELOW_HZ).astype(np.float32)
    spectrum *= NOISE_COLORS[color](hz)
    spectrum[0] = 0.0
    noise = fft.irfft(spectrum, size)[:samples]
    power = np.square(noise, dtype=np.float64).mean() if samples else 1.0
    return noise / np.float32(np.sqrt(power))


@dataclass(frozen=True)
class BackgroundNoise:
    """Add stationary noise of the surroundings.

    Args:
        snr_db: level of the signal (``tfaudiogan.audio.levels``) relative to that of the noise.
        color: one of ``NOISE_COLORS``.
        seed: random seed of the noise.

    Raises:
        ValueError: if the color is unknown.
    """

    snr_db: float
    color: str
    seed: int

    def __post_init__(self) -> None:
        if self.color not in NOISE_COLORS:
            raise ValueError(f"color is {self.color!r}; expected one of {', '.join(NOISE_COLORS)}")

    @classmethod
    def draw(cls, rng: np.random.Generator, snr_db: tuple[float, float]) -> "BackgroundNoise":
        """Draw any color with equal chance."""
        return cls(uniform(rng, snr_db, 2), str(rng.choice(list(NOISE_COLORS))), draw_seed(rng))

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Add noise to ``(samples,)``; silence, which has no level, stays unchanged."""
        level = measure_level(audio)
        if level is None:
            return audio.astype(np.float32)
        rng = np.random.default_rng(self.seed)
        noise = colored_noise(len(audio), sample_rate, self.color, rng)
        noise *= np.float32(db_to_gain(level - self.snr_db))
        return noise + audio.astype(np.float32)


@dataclass(frozen=True)
class ThermalNoise:
    """Add white noise of the microphone's electronics.

    Args:
        snr_db: level of the signal relative to that of the noise.
        seed: random seed of the noise.
    """

    snr_db: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, snr_db: tuple[float, float]) -> "ThermalNoise":
        """Draw a signal-to-noise ratio from a range."""
        return cls(uniform(rng, snr_db, 2), draw_seed(rng))

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Add noise to ``(samples,)``; silence, which has no level, stays unchanged."""
        return BackgroundNoise(self.snr_db, "white", self.seed)(audio, sample_rate)
