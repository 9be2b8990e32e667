"""Cubic splines through the samples of a signal of any length, in constant memory."""

import numpy as np
from scipy.interpolate import make_interp_spline

_BLOCK = 1 << 16
_MARGIN = 64
"""Samples of context: a spline forgets its boundary by a factor 0.27 a sample, below 1e-36 here."""


def sample_spline(audio: np.ndarray, step: float, samples: int) -> np.ndarray:
    """Values at ``0, step, 2 * step, ...`` of the cubic spline through ``(n,)`` samples.

    The ends are not-a-knot, and held constant beyond the last sample.

    Args:
        audio: ``(n,)`` float, n >= 1, taken to lie at 0, 1, ... n - 1.
        step: distance of the wanted points, in samples.
        samples: how many.

    Returns:
        ``(samples,)`` float32.
    """
    n = len(audio)
    if n < 4:
        at = np.minimum(np.arange(samples) * step, n - 1)
        return np.interp(at, np.arange(n), audio).astype(np.float32)
    values = np.empty(samples, np.float32)
    for start in range(0, samples, _BLOCK):
        stop = min(start + _BLOCK, samples)
        at = np.minimum(np.arange(start, stop) * step, n - 1)
        first = min(max(int(at[0]) - _MARGIN, 0), n - 4)
        last = min(max(int(at[-1]) + 2 + _MARGIN, first + 4), n)
        knots = np.arange(first, last)
        spline = make_interp_spline(knots, audio[first:last].astype(np.float64), k=3)
        values[start:stop] = spline(at)
    return values
