"""Cubic splines through the samples of a signal of any length, in constant memory."""

import numpy as np
from scipy import ndimage

_BLOCK = 1 << 16
_MARGIN = 64
"""Samples of context. The effect of a boundary decays by 0.27 per sample, to below 1e-36 here."""


def sample_spline(audio: np.ndarray, step: float, samples: int) -> np.ndarray:
    """Evaluate the cubic spline through a signal's samples at ``0, step, 2 * step, ...``.

    The spline has zero slope at both ends (``bc_type="clamped"`` in
    ``scipy.interpolate.CubicSpline``), and is constant beyond the last sample.

    Args:
        audio: ``(n,)`` float, n >= 1, the values at 0, 1, ... n - 1.
        step: distance between the points, in samples.
        samples: number of points.

    Returns:
        ``(samples,)`` float32.
    """
    n = len(audio)
    if n < 2:
        return np.full(samples, audio[0], np.float32)
    values = np.empty(samples, np.float32)
    for start in range(0, samples, _BLOCK):
        stop = min(start + _BLOCK, samples)
        points = np.minimum(np.arange(start, stop) * step, n - 1)
        first = min(max(int(points[0]) - _MARGIN, 0), n - 2)
        last = min(int(points[-1]) + 2 + _MARGIN, n)
        spline = ndimage.spline_filter1d(audio[first:last].astype(np.float64), mode="mirror")
        values[start:stop] = ndimage.map_coordinates(
            spline, [points - first], prefilter=False, mode="mirror"
        )
    return values
