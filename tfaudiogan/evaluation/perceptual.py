"""What a listener would say of a recording beside its target, as far as Zimtohrli knows."""

from functools import cache
from typing import Any

import numpy as np

from tfaudiogan.audio.resampling import resample
from tfaudiogan.extras import missing, require

EXTRA = "perceptual"
_RATE = 48_000


def is_available() -> bool:
    """Whether the extra ``perceptual`` is installed."""
    return not missing("zimtohrli")


@cache
def _judge() -> Any:
    require(EXTRA, "zimtohrli")
    from zimtohrli import Pyohrli

    return Pyohrli()


def perceptual_distance(output: np.ndarray, target: np.ndarray, sample_rate: int) -> float:
    """Zimtohrli's distance, 0 for the target itself; lower is better.

    Args:
        output, target: ``(samples,)`` at the common level; what exceeds full scale is clipped.
        sample_rate: in hertz.

    Raises:
        InputError: without the extra ``perceptual``.
    """
    judge = _judge()
    sides = (resample(side.astype(np.float32), sample_rate, _RATE) for side in (output, target))
    return float(judge.distance(*(np.clip(side, -1.0, 1.0) for side in sides)))


def opinion_score(generated: np.ndarray, target: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mean opinion score from 1 to 5 that Zimtohrli expects; higher is better.

    Args:
        generated, target: ``(batch, samples)`` at the common level.
        sample_rate: in hertz.

    Returns:
        ``(batch,)``.

    Raises:
        InputError: without the extra ``perceptual``.
    """
    require(EXTRA, "zimtohrli")
    from zimtohrli import mos_from_zimtohrli

    pairs = zip(np.asarray(generated), np.asarray(target), strict=True)
    return np.array([mos_from_zimtohrli(perceptual_distance(*pair, sample_rate)) for pair in pairs])
