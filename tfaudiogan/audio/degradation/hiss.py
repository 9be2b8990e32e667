"""Recorder hiss of any spectral shape."""

from dataclasses import dataclass

import numpy as np

from tfaudiogan.audio.curves import curve_points, smooth_gain_db
from tfaudiogan.audio.draws import seed as draw_seed
from tfaudiogan.audio.draws import uniform
from tfaudiogan.audio.filters import filter_by_gain
from tfaudiogan.audio.levels import db_to_gain, measure_level


@dataclass(frozen=True)
class Hiss:
    """Add stationary Gaussian noise, filtered by a smooth equalizer.

    Args:
        snr_db: level of the signal (``tfaudiogan.audio.levels``) relative to that of the noise.
        gains_db: gains of the equalizer, at points an octave apart (``audio.curves``).
        seed: random seed of the noise.

    Raises:
        ValueError: if the number of gains is wrong.
    """

    snr_db: float
    gains_db: tuple[float, ...]
    seed: int

    def __post_init__(self) -> None:
        if len(self.gains_db) != curve_points(1.0):
            raise ValueError(
                f"gains_db has {len(self.gains_db)} gains; expected {curve_points(1.0)}"
            )

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        snr_db: tuple[float, float],
        deviation_db: tuple[float, float] = (2.0, 6.0),
        tilt_db: tuple[float, float] = (-4.0, 3.0),
    ) -> "Hiss":
        """Draw gains around a line, from ranges of their deviation and of its tilt per octave."""
        ratio, deviation = uniform(rng, snr_db, 2), rng.uniform(*deviation_db)
        octaves = np.arange(curve_points(1.0))
        gains = rng.normal(0.0, deviation, len(octaves)) + rng.uniform(*tilt_db) * octaves
        gains -= gains.max()
        return cls(ratio, tuple(round(float(gain), 2) for gain in gains), draw_seed(rng))

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Add hiss to ``(samples,)``; silence, which has no level, stays unchanged."""
        audio = audio.astype(np.float32)
        level = measure_level(audio)
        if level is None:
            return audio
        noise = np.random.default_rng(self.seed).standard_normal(len(audio), dtype=np.float32)
        noise = filter_by_gain(
            noise, lambda hz: smooth_gain_db(hz, self.gains_db, 1.0), sample_rate, "zero"
        )
        power = float(np.square(noise, dtype=np.float64).mean())
        return audio + noise * np.float32(db_to_gain(level - self.snr_db) / np.sqrt(power))
