"""Slow changes of loudness, as when the player or the phone moves."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from tfaudiogan.audio.draws import log_uniform, uniform
from tfaudiogan.audio.draws import seed as draw_seed


@dataclass(frozen=True)
class LoudnessChanges:
    """Apply a slowly changing gain, drawn at regular intervals and smoothly interpolated.

    Args:
        range_db: gains are between ``-range_db`` and ``range_db``.
        interval_s: time between the drawn gains, in seconds.
        seed: random seed of the gains.

    Raises:
        ValueError: if the interval is not positive.
    """

    range_db: float
    interval_s: float
    seed: int

    def __post_init__(self) -> None:
        if not self.interval_s > 0:
            raise ValueError(f"interval_s is {self.interval_s}; expected more than 0")

    @classmethod
    def draw(cls, rng: np.random.Generator, range_db: tuple[float, float]) -> "LoudnessChanges":
        """Draw an interval of 0.5 to 4 s."""
        return cls(uniform(rng, range_db, 2), log_uniform(rng, (0.5, 4.0), 2), draw_seed(rng))

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Apply the gain to ``(samples,)``."""
        position = np.arange(len(audio)) / (self.interval_s * sample_rate)
        points = int(len(audio) / (self.interval_s * sample_rate)) + 2
        rng = np.random.default_rng(self.seed)
        gains_db = rng.uniform(-self.range_db, self.range_db, points)
        gain_db = PchipInterpolator(np.arange(points), gains_db)(position)
        return (audio * 10.0 ** (gain_db / 20.0)).astype(np.float32)
