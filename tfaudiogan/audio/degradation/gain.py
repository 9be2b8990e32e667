"""Automatic gain control of the recorder."""

import math
from dataclasses import dataclass

import numpy as np

from tfaudiogan.audio.draws import log_uniform, uniform
from tfaudiogan.audio.levels import GATE_DBFS, db_to_gain, measure_level

BLOCK_S = 0.005


@dataclass(frozen=True)
class AutomaticGain:
    """Turn loud passages down and quiet passages up, toward the recording's level.

    The level in dB of each block of ``BLOCK_S`` is smoothed by a one-pole filter with separate time
    constants for attack and release. The gain is ``strength`` times the difference between the
    recording's level and the smoothed level, limited to ``max_gain_db`` either way, and linearly
    interpolated between the middles of the blocks.

    Args:
        strength: 0 has no effect; 1 gives all passages the same level.
        attack_s: time constant while the level rises, in seconds.
        release_s: time constant while the level falls, in seconds.
        max_gain_db: largest gain, either way.

    Raises:
        ValueError: if a value is out of range.
    """

    strength: float
    attack_s: float
    release_s: float
    max_gain_db: float

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise ValueError(f"strength is {self.strength}; expected 0 to 1")
        for name in ("attack_s", "release_s", "max_gain_db"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; expected more than 0")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        strength: tuple[float, float],
        max_gain_db: tuple[float, float],
    ) -> "AutomaticGain":
        """Draw an attack of 5 to 50 ms and a release of 0.1 to 1 s."""
        return cls(
            uniform(rng, strength),
            log_uniform(rng, (0.005, 0.05), 4),
            log_uniform(rng, (0.1, 1.0)),
            uniform(rng, max_gain_db, 1),
        )

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Apply the gain to ``(samples,)``."""
        level = measure_level(audio)
        if level is None:
            return audio.astype(np.float32)
        block = max(1, round(BLOCK_S * sample_rate))
        gain_db = self.strength * (level - self._smoothed(_block_levels(audio, block)))
        gain_db = np.clip(gain_db, -self.max_gain_db, self.max_gain_db)
        middles = (np.arange(len(gain_db)) + 0.5) * block - 0.5
        gain = np.interp(np.arange(len(audio)), middles, gain_db)
        return (audio * 10.0 ** (gain / 20.0)).astype(np.float32)

    def _smoothed(self, levels: np.ndarray) -> np.ndarray:
        attack = math.exp(-BLOCK_S / self.attack_s)
        release = math.exp(-BLOCK_S / self.release_s)
        smoothed, current = np.empty_like(levels), float(levels[0])
        for index, level in enumerate(levels.tolist()):
            decay = attack if level > current else release
            current = level + decay * (current - level)
            smoothed[index] = current
        return smoothed


def _block_levels(audio: np.ndarray, block: int) -> np.ndarray:
    """Return the level of each block in dB, but no less than the gate; the last may be shorter."""
    starts = np.arange(0, len(audio), block)
    power = np.add.reduceat(np.square(audio, dtype=np.float64), starts)
    power /= np.diff(np.append(starts, len(audio)))
    return 10.0 * np.log10(np.maximum(power, db_to_gain(GATE_DBFS) ** 2))
