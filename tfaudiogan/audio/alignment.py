"""Find how far two recordings of the same thing lie apart, and put one onto the other.

Two clocks differ by a delay and by a drift of some parts per million. Onsets tell the delay to some
hundredths of a second, wherever it lies; then the phase of the cross-correlation (Knapp and Carter
1976, GCC-PHAT) tells it to a fraction of a sample at many places, and a line through those gives
delay and drift.
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
"""Share of places that must agree on one line."""

_HOP_S = 0.01
_CHUNK_S = 60.0
_STEEPEST = 0.5
_LIKELY_SCORE, _SURE_SCORE = 5.0, 10.0
_WHITENING = 0.85
_OVERSAMPLING = 4
_CLEAR_PEAK = 7.5
_NEAR_S = 0.02
_PLACES = 32
_TOLERANCE_S = 0.0005
_HALF_TAPS = 64


@dataclass(frozen=True)
class Alignment:
    """Where in a recording lies what another has at time ``t``: ``t * (1 + drift) + delay_s``.

    Attributes:
        delay_s: how late the recording is at the other's beginning.
        drift: how much faster its clock runs; 1e-6 is 1 ppm.
        inverted: whether its polarity is the other way round.
        agreement: share of the places looked at whose sound lies where these say, 0 to 1. Below
            ``SAME_SOUND`` only onsets were found, as with two instruments that play the same
            music: then the delay is good to a hundredth of a second, and 0 where it is below two.
    """

    delay_s: float
    drift: float
    inverted: bool
    agreement: float


def estimate_alignment(
    recording: np.ndarray, reference: np.ndarray, sample_rate: int
) -> Alignment | None:
    """How ``(n,)`` lies to ``(m,)``, mono, at one nominal sample rate.

    Returns:
        ``None`` where nothing in common was found, or either lasts less than ``MIN_SECONDS``.
    """
    if min(len(recording), len(reference)) < MIN_SECONDS * sample_rate:
        return None
    onsets = _match_onsets(recording, reference, sample_rate)
    if onsets.score < _LIKELY_SCORE:
        return None
    coarse = onsets.delay
    first, last = max(0, -coarse), min(len(reference), len(recording) - coarse)
    farthest = max(onsets.place - first, last - onsets.place)
    reach = math.ceil((2 * _HOP_S * sample_rate) + MAX_DRIFT * farthest)
    line = _find_line(recording, reference, sample_rate, coarse, reach)
    if line.agreement < SAME_SOUND:
        if onsets.score < _SURE_SCORE:
            return None
        delay = coarse / sample_rate
        return Alignment(0.0 if abs(delay) < _NEAR_S else delay, 0.0, False, line.agreement)
    if line.slope:
        # Within a window the drift blurs the delay; without it, what is left is found exactly.
        rate = 1.0 + line.slope
        steady = soxr.resample(recording, rate, 1.0, quality="VHQ")
        rest = _find_line(steady, reference, sample_rate, round(line.offset / rate), reach)
        if rest.agreement >= SAME_SOUND:
            line = _Line(
                rate * rest.offset, rate * (1.0 + rest.slope) - 1.0, rest.inverted, rest.agreement
            )
    return Alignment(line.offset / sample_rate, line.slope, line.inverted, line.agreement)


def align(
    recording: np.ndarray, reference: np.ndarray, sample_rate: int, alignment: Alignment
) -> tuple[np.ndarray, np.ndarray]:
    """Bring a recording onto the reference's clock, and cut both to what they share.

    Whole samples are moved as they are; only what is left, and a drift, is interpolated
    (windowed sinc; libsoxr).

    Returns:
        Recording and reference, ``(samples,)`` float32; empty where they share nothing.
    """
    if alignment.drift:
        recording = soxr.resample(recording, 1.0 + alignment.drift, 1.0, quality="VHQ")
    delay = alignment.delay_s * sample_rate / (1.0 + alignment.drift)
    whole = round(delay)
    fraction = delay - whole
    if abs(fraction) > 0.01:
        at = np.arange(-_HALF_TAPS, _HALF_TAPS + 1) + fraction
        window = np.i0(9.0 * np.sqrt(np.maximum(0.0, 1.0 - (at / (_HALF_TAPS + 1)) ** 2)))
        taps = np.sinc(at) * window / np.i0(9.0)
        recording = convolve(recording, taps)
    if alignment.inverted:
        recording = -recording
    moved, kept = recording[max(0, whole) :], reference[max(0, -whole) :]
    samples = min(len(moved), len(kept))
    return moved[:samples].astype(np.float32), kept[:samples].astype(np.float32)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Cosine of the angle between two signals of one length: 1 for the same up to a gain."""
    norm = math.sqrt(_energy(first) * _energy(second))
    return float(np.dot(first, second)) / norm if norm else 0.0


def _energy(audio: np.ndarray) -> float:
    return float(np.dot(audio, audio))


@dataclass(frozen=True)
class _Onsets:
    """A delay found by onsets, the place in the reference where, in samples, and how clearly."""

    delay: int
    place: int
    score: float


def _onsets(audio: np.ndarray, hop: int) -> np.ndarray:
    """How much the level rises from each hop to the next, without its mean.

    In decades of power, to ``_STEEPEST`` so that the first sound after silence counts as one onset.
    """
    hops = audio[: len(audio) // hop * hop].reshape(-1, hop)
    power = np.einsum("ij,ij->i", hops, hops).astype(np.float64) / hop
    level = np.log10(power + 1e-4 * power.mean() + 1e-20)
    rise = np.clip(np.diff(level, prepend=level[0]), 0.0, _STEEPEST)
    return rise - rise.mean()


def _match_onsets(recording: np.ndarray, reference: np.ndarray, sample_rate: int) -> _Onsets:
    """Look for three chunks of the reference, too short for a drift to blur, in the recording.

    The clearest wins. The score is the correlation coefficient over what overlaps, times the square
    root of the overlap in hops: about normal, were the recordings noises of nothing in common.
    """
    hop = max(1, round(_HOP_S * sample_rate))
    whole, rises = _onsets(recording, hop), _onsets(reference, hop)
    count = min(len(rises), round(_CHUNK_S / _HOP_S))
    delays = np.arange(1 - count, len(whole))
    first, last = np.maximum(0, delays), np.minimum(len(whole), delays + count)
    size = fft.next_fast_len(len(whole) + count, real=True)
    spectrum = fft.rfft(whole, size)
    best = _Onsets(0, 0, 0.0)
    for start in np.linspace(0, len(rises) - count, 3).astype(int):
        chunk = rises[start : start + count]
        products = fft.irfft(spectrum * fft.rfft(chunk, size).conj(), size)[delays]
        energy = _range_energy(whole, first, last) * _range_energy(
            chunk, first - delays, last - delays
        )
        enough = (last - first >= MIN_SECONDS / 2 / _HOP_S) & (energy > 0)
        score = np.zeros(len(delays))
        score[enough] = products[enough] * np.sqrt((last - first)[enough] / energy[enough])
        index = int(np.argmax(score))
        if score[index] > best.score:
            place = (start + count // 2) * hop
            best = _Onsets(int(delays[index] - start) * hop, place, float(score[index]))
    return best


def _range_energy(audio: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Energy of each of many ranges of samples."""
    total = np.concatenate([[0.0], np.cumsum(np.square(audio))])
    return total[last] - total[first]


@dataclass(frozen=True)
class _Line:
    """Delay in samples over places in the reference: ``offset + slope * place``."""

    offset: float
    slope: float
    inverted: bool = False
    agreement: float = 0.0


def _find_line(
    recording: np.ndarray, reference: np.ndarray, sample_rate: int, coarse: int, reach: int
) -> _Line:
    """The line through the delays at many places, each within ``reach`` of ``coarse``."""
    first, last = max(0, -coarse), min(len(reference), len(recording) - coarse)
    wanted = min(max(1.5 * sample_rate, 4 * reach), (last - first) / 2)
    size = 1 << math.floor(math.log2(max(wanted, 1)))
    window = np.hanning(size).astype(np.float32)
    gate = db_to_gain(GATE_DBFS) ** 2 * size
    found = []
    count = min(_PLACES, 2 * (last - first) // size - 1) if size >= 2 * reach else 0
    for start in np.linspace(first, last - size, max(0, count)).astype(int):
        one = reference[start : start + size]
        other = recording[start + coarse : start + coarse + size]
        if min(_energy(one), _energy(other)) > gate:
            delay, sign = _phase_delay(other * window, one * window, reach)
            found.append((start + size / 2, coarse + delay, sign))
    return _robust_line(np.array(found).reshape(-1, 3), _TOLERANCE_S * sample_rate)


def _phase_delay(recording: np.ndarray, reference: np.ndarray, reach: int) -> tuple[float, float]:
    """Delay of one window to the other, at most ``reach``, and its sign; NaN where none is clear.

    Example: a recording that is the reference two samples later gives 2.0 and 1.0.
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
    before, after = near[index - 1], near[index + 1]
    bend = 2 * peak - before - after
    refined = index + 0.5 * (after - before) / bend if bend else index
    return (refined - reach) / _OVERSAMPLING, float(np.sign(peak))


def _robust_line(delays: np.ndarray, tolerance: float) -> _Line:
    """The line that most delays lie on (Theil and Sen's, then least squares over those near it).

    ``delays`` has rows of a place (the middle of a window of the reference), the delay there, NaN
    where none is clear, and its sign.

    A slope that could be chance, or that moves nothing by a quarter of a sample, is taken as 0.
    """
    x, y, signs = delays[np.isfinite(delays[:, 1])].T
    if len(x) < 2:
        return _Line(0.0, 0.0)
    earlier, later = np.triu_indices(len(x), 1)
    rest = y - x * np.median((y[later] - y[earlier]) / (x[later] - x[earlier]))
    near = np.abs(rest - np.median(rest)) < tolerance
    x, y, signs = x[near], y[near], signs[near]
    middle = x.mean()
    spread = np.square(x - middle).sum()
    slope = np.dot(x - middle, y) / spread if spread else 0.0
    rest = y - y.mean() - slope * (x - middle)
    deviation = math.sqrt(np.square(rest).sum() / max(1, len(x) - 2) / spread) if spread else 0.0
    steep = len(x) > 4 and abs(slope) > 5 * deviation and abs(slope) * np.ptp(x) > 0.25
    if not steep or abs(slope) > MAX_DRIFT:
        return _Line(float(np.median(y)), 0.0, bool(signs.sum() < 0), len(x) / len(delays))
    return _Line(
        float(y.mean() - slope * middle), float(slope), bool(signs.sum() < 0), len(x) / len(delays)
    )
