"""A random smooth equalizer, which makes an instrument sound somewhat different."""

from dataclasses import dataclass

import numpy as np

from tfaudiogan.audio.curves import curve_points, smooth_gain_db
from tfaudiogan.audio.filters import filter_by_gain

_DEVIATIONS_DB = (1.5, 2.5, 4.0)
_OCTAVES = (1.0, 1.5, 2.0)
_TILT_DB = 0.8


@dataclass(frozen=True)
class Timbre:
    """Change the timbre of a recording without delay.

    Applied to both sides of a pair, it keeps a network from learning that every recording should
    have the timbre of one soundfont.

    Args:
        gains_db: points of a smooth curve (``audio.curves``).
        octaves: distance between the points.

    Raises:
        ValueError: if the number of gains does not fit their distance.
    """

    gains_db: tuple[float, ...]
    octaves: float

    def __post_init__(self) -> None:
        points = curve_points(self.octaves)
        if len(self.gains_db) != points:
            raise ValueError(f"gains_db has {len(self.gains_db)} gains; expected {points}")

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Timbre":
        """Draw gains with a deviation of 1.5 to 4 dB, and a tilt of about 1 dB per octave."""
        octaves = float(rng.choice(_OCTAVES))
        deviation, tilt = float(rng.choice(_DEVIATIONS_DB)), rng.normal(0.0, _TILT_DB)
        positions = np.arange(curve_points(octaves)) * octaves
        gains = rng.normal(0.0, deviation, len(positions)) + tilt * (positions - positions[-1] / 2)
        return cls(tuple(round(float(gain), 2) for gain in gains), octaves)

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Filter ``(samples,)``; returns float32 of the same length and alignment."""
        return filter_by_gain(
            audio, lambda hz: smooth_gain_db(hz, self.gains_db, self.octaves), sample_rate, "zero"
        )
