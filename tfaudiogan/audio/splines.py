"""Cubic splines through the samples of a signal of any length, in constant memory."""

import numpy as np
from scipy import ndimage

_BLOCK = 1 << 16
_MARGIN = 64
"""Samples of context: a spline forgets its boundary by a factor 0.27 a sample, below 1e-36 here."""


def sample_spline(audio: np.ndarray, step: float, samples: int) -> np.ndarray:
    """Values at ``0, step, 2 * step, ...`` of the cubic spline through ``(n,)`` samples.

    The spline is level at both ends (``scipy.interpolate.CubicSpline``'s ``"clamped"``, which is
    the signal mirrored there), and held constant beyond the last sample.

    Args:
        audio: ``(n,)`` float, n >= 1, taken to lie at 0, 1, ... n - 1.
        step: distance of the wanted points, in samples.
        samples: how many.

    Returns:
        ``(samples,)`` float32.
    """
    n = len(audio)
    if n < 2:
        return np.full(samples, audio[0], np.float32)
    values = np.empty(samples, np.float32)
    for start in range(0, samples, _BLOCK):
        stop = min(start + _BLOCK, samples)
        at = np.minimum(np.arange(start, stop) * step, n - 1)
        first = min(max(int(at[0]) - _MARGIN, 0), n - 2)
        last = min(int(at[-1]) + 2 + _MARGIN, n)
        spline = ndimage.spline_filter1d(audio[first:last].astype(np.float64), mode="mirror")
        values[start:stop] = ndimage.map_coordinates(
            spline, [at - first], prefilter=False, mode="mirror"
        )
    return values
