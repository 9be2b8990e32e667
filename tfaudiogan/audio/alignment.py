"""Estimate the delay and drift between two recordings of the same performance, and align them.

The clocks of two recorders differ by a delay and by a drift of some parts per million. Matching
onsets gives the delay to a few hundredths of a second, however large it is. The phase of the
cross-correlation (Knapp and Carter 1976, GCC-PHAT) then gives it to a fraction of a sample at many
positions, and a line fitted through those gives delay and drift.
"""

import math
from dataclasses import dataclass

import numpy as np
import soxr
from scipy import fft

from tfaudiogan.audio.filters import convolve
from tfaudiogan.audio.levels import GATE_DBFS, db_to_gain

MAX_DRIFT = 500e-6
MIN_SECONDS = 2.0
SAME_SOUND = 0.5
"""Share of positions that must agree on one line."""

_HOP_S = 0.01
_FRAME_S = 0.046
_BANDS, _LOWEST_HZ, _HIGHEST_HZ = 24, 200.0, 4000.0
_BLOCK = 4096
_CHUNK_S = 60.0
_STEEPEST = 0.5
_LIKELY_SCORE, _SURE_SCORE = 6.0, 9.5
_WHITENING = 0.85
_OVERSAMPLING = 4
_CLEAR_PEAK = 7.5
_NEAR_S = 0.02
_POSITIONS = 32
_TOLERANCE_S = 0.0005
_HALF_TAPS = 64


@dataclass(frozen=True)
class Alignment:
    """A map from a reference's time ``t`` to the recording's: ``t * (1 + drift) + delay_s``.

    Attributes:
        delay_s: delay of the recording at the reference's beginning.
        drift: how much faster the recording's clock runs; 1e-6 is 1 ppm.
        inverted: whether the recording's polarity is inverted.
        agreement: share of the examined positions that agree with delay and drift, 0 to 1. Below
            ``SAME_SOUND`` only the onsets match, as with two instruments that play the same
            music: the delay is then accurate to 10 ms, and set to 0 if it is below 20 ms.
    """

    delay_s: float
    drift: float
    inverted: bool
    agreement: float


def estimate_alignment(
    recording: np.ndarray, reference: np.ndarray, sample_rate: int
) -> Alignment | None:
    """Estimate how a recording is aligned to a reference.

    Args:
        recording: ``(n,)``, mono.
        reference: ``(m,)``, mono.
        sample_rate: nominal rate of both, in hertz.

    Returns:
        The alignment, or ``None`` if the two have nothing in common, or either is shorter than
        ``MIN_SECONDS``.
    """
    if min(len(recording), len(reference)) < MIN_SECONDS * sample_rate:
        return None
    onsets = _match_onsets(recording, reference, sample_rate)
    if onsets.score < _LIKELY_SCORE:
        return None
    coarse = onsets.delay
    first, last = max(0, -coarse), min(len(reference), len(recording) - coarse)
    farthest = max(onsets.position - first, last - onsets.position)
    reach = math.ceil((2 * _HOP_S * sample_rate) + MAX_DRIFT * farthest)
    line = _find_line(recording, reference, sample_rate, coarse, reach)
    if line.agreement < SAME_SOUND:
        if onsets.score < _SURE_SCORE:
            return None
        delay = coarse / sample_rate
        return Alignment(0.0 if abs(delay) < _NEAR_S else delay, 0.0, False, line.agreement)
    if line.slope:
        # The drift blurs the delay within a window. Once it is removed, the residual is exact.
        rate = 1.0 + line.slope
        steady = soxr.resample(recording, rate, 1.0, quality="VHQ")
        residual = _find_line(steady, reference, sample_rate, round(line.offset / rate), reach)
        if residual.agreement >= SAME_SOUND:
            line = _Line(
                rate * residual.offset,
                rate * (1.0 + residual.slope) - 1.0,
                residual.inverted,
                residual.agreement,
            )
    return Alignment(line.offset / sample_rate, line.slope, line.inverted, line.agreement)


def align(
    recording: np.ndarray, reference: np.ndarray, sample_rate: int, alignment: Alignment
) -> tuple[np.ndarray, np.ndarray]:
    """Bring a recording onto the reference's clock, and trim both to the time they share.

    A shift by whole samples leaves the samples unchanged. Only a fraction of a sample (by a
    windowed sinc) and a drift (by libsoxr) are interpolated.

    Returns:
        Recording and reference, ``(samples,)`` float32; empty if they do not overlap.
    """
    if alignment.drift:
        recording = soxr.resample(recording, 1.0 + alignment.drift, 1.0, quality="VHQ")
    delay = alignment.delay_s * sample_rate / (1.0 + alignment.drift)
    whole = round(delay)
    fraction = delay - whole
    if abs(fraction) > 0.01:
        times = np.arange(-_HALF_TAPS, _HALF_TAPS + 1) + fraction
        window = np.i0(9.0 * np.sqrt(np.maximum(0.0, 1.0 - (times / (_HALF_TAPS + 1)) ** 2)))
        taps = np.sinc(times) * window / np.i0(9.0)
        recording = convolve(recording, taps)
    if alignment.inverted:
        recording = -recording
    moved, kept = recording[max(0, whole) :], reference[max(0, -whole) :]
    samples = min(len(moved), len(kept))
    return moved[:samples].astype(np.float32), kept[:samples].astype(np.float32)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Normalized correlation of two signals of equal length: 1 if they differ only in gain."""
    norm = math.sqrt(_energy(first) * _energy(second))
    return float(np.dot(first, second)) / norm if norm else 0.0


def _energy(audio: np.ndarray) -> float:
    return float(np.dot(audio, audio))


@dataclass(frozen=True)
class _Onsets:
    """A delay found from onsets and its position in the reference, in samples, with a score."""

    delay: int
    position: int
    score: float


def _onsets(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Compute the rise of the level of each band from each hop to the next, ``(hops, bands)``.

    The rise is in decades of power, limited to ``_STEEPEST`` so that the first sound after silence
    does not count for more than one onset, and has a mean of zero. The bands leave out what phones
    record worst: the lows that they cut off, and the highs in which their noise is.
    """
    hop = max(1, round(_HOP_S * sample_rate))
    size = 1 << round(math.log2(_FRAME_S * sample_rate))
    highest = min(_HIGHEST_HZ, 0.45 * sample_rate)
    frequencies = np.geomspace(_LOWEST_HZ, highest, _BANDS + 1)
    edges = np.unique((frequencies * size / sample_rate).round().astype(int))
    padded = np.pad(audio, size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][: len(audio) // hop]
    window = np.hanning(size).astype(np.float32)
    power = np.empty((len(frames), len(edges) - 1))
    for start in range(0, len(frames), _BLOCK):
        block = slice(start, start + _BLOCK)
        spectra = fft.rfft(frames[block] * window)
        squared = np.square(spectra.real) + np.square(spectra.imag)
        power[block] = np.add.reduceat(squared, edges, axis=1)[:, :-1]
    level = np.log10(power + 1e-4 * power.mean(axis=0) + 1e-20)
    rise = np.clip(np.diff(level, axis=0, prepend=level[:1]), 0.0, _STEEPEST)
    return rise - rise.mean(axis=0)


def _match_onsets(recording: np.ndarray, reference: np.ndarray, sample_rate: int) -> _Onsets:
    """Search the recording for three chunks of the reference, each too short for drift to matter.

    The match with the highest score is returned. The score is the cross-correlation of the onsets,
    summed over the bands, in units of its effective value over all delays. All bands are divided by
    the same spectrum, so that a steady beat does not match at many delays.
    """
    hop = max(1, round(_HOP_S * sample_rate))
    whole, rises = _onsets(recording, sample_rate), _onsets(reference, sample_rate)
    count = min(len(rises), round(_CHUNK_S / _HOP_S))
    size = fft.next_fast_len(len(whole) + count, real=True)
    spectrum = _whitened(whole, size)
    best = _Onsets(0, 0, 0.0)
    for start in np.linspace(0, len(rises) - count, 3).astype(int):
        chunk = _whitened(rises[start : start + count], size)
        products = fft.irfft(np.einsum("ij,ij->i", spectrum, chunk.conj()), size)
        score = np.concatenate([products[1 - count :], products[: len(whole)]])
        score /= np.sqrt(np.mean(np.square(score))) + 1e-20
        index = int(np.argmax(score))
        if score[index] > best.score:
            position = (start + count // 2) * hop
            delay = round((_peak_position(score, index) + 1 - count - int(start)) * hop)
            best = _Onsets(delay, position, float(score[index]))
    return best


def _whitened(rises: np.ndarray, size: int) -> np.ndarray:
    """Return the spectra of the bands' onsets, divided by what they have in common."""
    deviation = np.sqrt(np.square(rises).sum(axis=0))
    spectra = fft.rfft(rises / (deviation + 1e-12), size, axis=0)
    magnitude = np.sqrt(np.mean(np.square(np.abs(spectra)), axis=1, keepdims=True))
    return spectra / (magnitude + 1e-6)


@dataclass(frozen=True)
class _Line:
    """Delay in samples at a position in the reference: ``offset + slope * position``."""

    offset: float
    slope: float
    inverted: bool = False
    agreement: float = 0.0


def _find_line(
    recording: np.ndarray, reference: np.ndarray, sample_rate: int, coarse: int, reach: int
) -> _Line:
    """Fit a line through the delays at many positions, each within ``reach`` of ``coarse``."""
    first, last = max(0, -coarse), min(len(reference), len(recording) - coarse)
    wanted = min(max(1.5 * sample_rate, 4 * reach), (last - first) / 2)
    size = 1 << math.floor(math.log2(max(wanted, 1)))
    window = np.hanning(size).astype(np.float32)
    gate = db_to_gain(GATE_DBFS) ** 2 * size
    delays = []
    count = min(_POSITIONS, 2 * (last - first) // size - 1) if size >= 2 * reach else 0
    for start in np.linspace(first, last - size, max(0, count)).astype(int):
        expected = reference[start : start + size]
        heard = recording[start + coarse : start + coarse + size]
        if min(_energy(expected), _energy(heard)) > gate:
            delay, sign = _phase_delay(heard * window, expected * window, reach)
            delays.append((start + size / 2, coarse + delay, sign))
    return _robust_line(np.array(delays).reshape(-1, 3), _TOLERANCE_S * sample_rate)


def _phase_delay(recording: np.ndarray, reference: np.ndarray, reach: int) -> tuple[float, float]:
    """Return the delay between two windows and its sign; NaN if there is no clear peak.

    Example: a recording that is the reference delayed by two samples gives 2.0 and 1.0.
    """
    size = 2 * len(reference)
    spectrum = fft.rfft(recording, size) * np.conj(fft.rfft(reference, size))
    magnitude = np.abs(spectrum)
    spectrum /= (magnitude + 1e-9 * magnitude.max()) ** _WHITENING
    products = fft.irfft(spectrum, size * _OVERSAMPLING)
    reach *= _OVERSAMPLING
    near = np.concatenate([products[-reach:], products[: reach + 1]])
    index = int(np.argmax(np.abs(near)))
    peak = near[index]
    if abs(peak) < _CLEAR_PEAK * np.sqrt(np.mean(near**2)) or not 0 < index < 2 * reach:
        return math.nan, 0.0
    return (_peak_position(near, index) - reach) / _OVERSAMPLING, float(np.sign(peak))


def _peak_position(values: np.ndarray, index: int) -> float:
    """Return the position of the extremum near ``index``, of a parabola through three values."""
    if not 0 < index < len(values) - 1:
        return float(index)
    before, peak, after = values[index - 1 : index + 2]
    bend = 2 * peak - before - after
    return float(index + 0.5 * (after - before) / bend if bend else index)


def _robust_line(delays: np.ndarray, tolerance: float) -> _Line:
    """Fit the line that most delays lie on: Theil-Sen, then least squares over the inliers.

    A slope that is not significant, or that amounts to less than a quarter of a sample over the
    whole recording, is taken as 0.

    Args:
        delays: rows of position (the middle of a window of the reference), delay (NaN if it is
            unclear) and sign.
        tolerance: largest distance of an inlier from the line, in samples.
    """
    x, y, signs = delays[np.isfinite(delays[:, 1])].T
    if len(x) < 2:
        return _Line(0.0, 0.0)
    earlier, later = np.triu_indices(len(x), 1)
    residual = y - x * np.median((y[later] - y[earlier]) / (x[later] - x[earlier]))
    near = np.abs(residual - np.median(residual)) < tolerance
    x, y, signs = x[near], y[near], signs[near]
    middle = x.mean()
    spread = np.square(x - middle).sum()
    slope = np.dot(x - middle, y) / spread if spread else 0.0
    residual = y - y.mean() - slope * (x - middle)
    variance = np.square(residual).sum() / max(1, len(x) - 2)
    deviation = math.sqrt(variance / spread) if spread else 0.0
    significant = len(x) > 4 and abs(slope) > 5 * deviation and abs(slope) * np.ptp(x) > 0.25
    if not significant or abs(slope) > MAX_DRIFT:
        return _Line(float(np.median(y)), 0.0, bool(signs.sum() < 0), len(x) / len(delays))
    return _Line(
        float(y.mean() - slope * middle), float(slope), bool(signs.sum() < 0), len(x) / len(delays)
    )
