"""Clipping of the microphone or the analog-to-digital converter."""

from dataclasses import dataclass

import numpy as np

from tfaudiogan.audio.draws import uniform
from tfaudiogan.audio.levels import db_to_gain, measure_level

KINDS = ("hard", "soft")


@dataclass(frozen=True)
class Clipping:
    """Limit the signal's amplitude: ``"hard"`` clips it, ``"soft"`` applies a hyperbolic tangent.

    Args:
        kind: one of ``KINDS``.
        headroom_db: limit relative to the signal's level; a sine's peak is 3 dB above its level.

    Raises:
        ValueError: if the kind is unknown.
    """

    kind: str
    headroom_db: float

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; expected one of {', '.join(KINDS)}")

    @classmethod
    def draw(cls, rng: np.random.Generator, headroom_db: tuple[float, float]) -> "Clipping":
        """Draw either kind with equal chance."""
        return cls(str(rng.choice(KINDS)), uniform(rng, headroom_db, 2))

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Clip ``(samples,)``."""
        level = measure_level(audio)
        if level is None:
            return audio.astype(np.float32)
        limit = db_to_gain(level + self.headroom_db)
        if self.kind == "hard":
            return np.clip(audio, -limit, limit).astype(np.float32)
        return (limit * np.tanh(audio / limit)).astype(np.float32)
