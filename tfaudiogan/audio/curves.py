"""Smooth curves of gain over frequency, given by a few points."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator

LOWEST_HZ = 30.0
HIGHEST_HZ = 22050.0


def curve_points(octaves: float) -> int:
    """Return the number of points ``octaves`` apart from ``LOWEST_HZ`` to at least ``HIGHEST_HZ``.

    Example: points an octave apart number 11.
    """
    return math.ceil(math.log2(HIGHEST_HZ / LOWEST_HZ) / octaves) + 1


def smooth_gain_db(hz: np.ndarray, gains_db: Sequence[float], octaves: float) -> np.ndarray:
    """Interpolate a gain in decibels at each frequency, without overshoot between the points.

    Args:
        hz: frequencies, of any shape.
        gains_db: gains at ``LOWEST_HZ``, ``octaves`` above it, and so on; the first and last gain
            apply beyond the ends.
        octaves: distance between neighboring points.
    """
    position = np.log2(np.maximum(hz, LOWEST_HZ) / LOWEST_HZ) / octaves
    last = len(gains_db) - 1
    curve = PchipInterpolator(np.arange(len(gains_db)), np.asarray(gains_db, np.float64))
    return curve(np.minimum(position, last))
