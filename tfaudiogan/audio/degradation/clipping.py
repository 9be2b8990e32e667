"""The membrane and the converter at their limit."""

from dataclasses import dataclass

import numpy as np

from tfaudiogan.audio.draws import uniform
from tfaudiogan.audio.levels import db_to_gain, measure_level

KINDS = ("hard", "soft")


@dataclass(frozen=True)
class Clipping:
    """Bounds the signal: cut off (``"hard"``) or bent (``"soft"``, a hyperbolic tangent).

    Args:
        kind: one of ``KINDS``.
        headroom_db: the bound, over the signal's level; a sine's peak is 3 dB over its level.

    Raises:
        ValueError: for an unknown kind.
    """

    kind: str
    headroom_db: float

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; expected one of {', '.join(KINDS)}")

    @classmethod
    def draw(cls, rng: np.random.Generator, headroom_db: tuple[float, float]) -> "Clipping":
        """Either kind with equal chance."""
        return cls(str(rng.choice(KINDS)), uniform(rng, headroom_db, 2))

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Clip ``(samples,)``."""
        level = measure_level(audio)
        if level is None:
            return audio.astype(np.float32)
        bound = db_to_gain(level + self.headroom_db)
        if self.kind == "hard":
            return np.clip(audio, -bound, bound).astype(np.float32)
        return (bound * np.tanh(audio / bound)).astype(np.float32)
