"""Perceptual scores of a recording compared with its target, by Zimtohrli."""

from functools import cache
from typing import Any

import numpy as np

from tfaudiogan.audio.resampling import resample
from tfaudiogan.extras import missing, require

EXTRA = "perceptual"
_RATE = 48_000


def is_available() -> bool:
    """Return whether the extra ``perceptual`` is installed."""
    return not missing("zimtohrli")


@cache
def _metric() -> Any:
    require(EXTRA, "zimtohrli")
    from zimtohrli import Pyohrli

    return Pyohrli()


def perceptual_distance(output: np.ndarray, target: np.ndarray, sample_rate: int) -> float:
    """Return Zimtohrli's distance, which is 0 for the target itself. Lower is better.

    Args:
        output, target: Signals ``(samples,)`` at the common level, which are clipped at full scale.
        sample_rate: Sample rate in hertz.

    Raises:
        InputError: If the extra ``perceptual`` is not installed.
    """
    metric = _metric()
    sides = (resample(side.astype(np.float32), sample_rate, _RATE) for side in (output, target))
    return float(metric.distance(*(np.clip(side, -1.0, 1.0) for side in sides)))


def opinion_score(generated: np.ndarray, target: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the mean opinion score, from 1 to 5, that Zimtohrli predicts. Higher is better.

    Args:
        generated, target: Signals ``(batch, samples)`` at the common level.
        sample_rate: Sample rate in hertz.

    Returns:
        The scores, ``(batch,)``.

    Raises:
        InputError: If the extra ``perceptual`` is not installed.
    """
    require(EXTRA, "zimtohrli")
    from zimtohrli import mos_from_zimtohrli

    pairs = zip(np.asarray(generated), np.asarray(target), strict=True)
    return np.array([mos_from_zimtohrli(perceptual_distance(*pair, sample_rate)) for pair in pairs])
