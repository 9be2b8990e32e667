"""Smooth curves of gain over frequency, given by few numbers."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator

LOWEST_HZ = 30.0
HIGHEST_HZ = 22050.0


def curve_points(octaves: float) -> int:
    """How many gains a curve has whose points lie ``octaves`` apart, from ``LOWEST_HZ`` on.

    The last one is at or above ``HIGHEST_HZ``. Example: 11 for points an octave apart.
    """
    return math.ceil(math.log2(HIGHEST_HZ / LOWEST_HZ) / octaves) + 1


def smooth_gain_db(hz: np.ndarray, gains_db: Sequence[float], octaves: float) -> np.ndarray:
    """A gain in decibels at each frequency, without overshoot between the given ones.

    Args:
        hz: frequencies, of any shape.
        gains_db: at ``LOWEST_HZ``, ``octaves`` above it, and so on; held below and above.
        octaves: distance of neighboring points.
    """
    place = np.log2(np.maximum(hz, LOWEST_HZ) / LOWEST_HZ) / octaves
    last = len(gains_db) - 1
    curve = PchipInterpolator(np.arange(len(gains_db)), np.asarray(gains_db, np.float64))
    return curve(np.minimum(place, last))
