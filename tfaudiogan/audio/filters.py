"""Filters that keep a pair of recordings aligned: low-pass filters, and filters of any gain curve.

Recursive filters run forward and backward, which applies their magnitude twice and cancels their
phase; FIR filters are symmetric and centered. ``filter_by_gain`` can also give the minimum phase
that real devices have.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import signal

from tfaudiogan.audio.draws import uniform

DRAWN_ORDERS = {
    "butterworth": (2, 8),
    "chebyshev1": (2, 6),
    "chebyshev2": (6, 10),
    "elliptic": (3, 6),
    "bessel": (2, 8),
    "fir": (32, 256),
}
FAMILIES = tuple(DRAWN_ORDERS)
PHASES = ("minimum", "zero")
_BLOCK = 1 << 18
_RESPONSE_SAMPLES = 8192
_SMALLEST_GAIN = 1e-5


def zero_phase(sos: np.ndarray, audio: np.ndarray) -> np.ndarray:
    """Run second-order sections forward and backward over ``(samples,)``; returns float32.

    Unlike ``scipy.signal.sosfiltfilt``, this accepts signals of any length, even empty ones.
    """
    if not len(audio):
        return audio.astype(np.float32)
    pad = min(6 * len(sos) + 3, len(audio) - 1)
    return signal.sosfiltfilt(sos, audio, padlen=pad).astype(np.float32)


def convolve(audio: np.ndarray, taps: np.ndarray, origin: int | None = None) -> np.ndarray:
    """Convolve a signal with an impulse response, without its delay.

    The work is done block by block, so that a long signal needs little more memory than itself.

    Args:
        audio: ``(samples,)``, taken to be surrounded by silence.
        taps: impulse response.
        origin: index of the tap at time 0; the middle one by default.

    Returns:
        float32 of the same length.
    """
    origin = len(taps) // 2 if origin is None else origin
    filtered = np.empty(len(audio), np.float32)
    for start in range(0, len(audio), _BLOCK):
        stop = min(start + _BLOCK, len(audio))
        first = max(0, start + origin + 1 - len(taps))
        block = signal.oaconvolve(audio[first : stop + origin], taps)
        filtered[start:stop] = block[start - first + origin : stop - first + origin]
    return filtered


def phased_taps(magnitude: np.ndarray, phase: str) -> tuple[np.ndarray, int]:
    """Design an impulse response with a given magnitude.

    Args:
        magnitude: ``(n / 2 + 1,)``, from 0 Hz to half the sample rate.
        phase: ``"minimum"``, as in most devices, computed from the cepstrum (Oppenheim and Schafer
            1975); or ``"zero"``, which gives a symmetric response.

    Returns:
        The taps, and the index of the tap at time 0.

    Raises:
        ValueError: if the phase is unknown.
    """
    samples = 2 * (len(magnitude) - 1)
    if phase == "zero":
        return np.roll(np.fft.irfft(magnitude, samples), samples // 2), samples // 2
    if phase != "minimum":
        raise ValueError(f"phase is {phase!r}; expected one of {', '.join(PHASES)}")
    cepstrum = np.fft.irfft(np.log(np.maximum(magnitude, _SMALLEST_GAIN)), samples)
    cepstrum[1 : samples // 2] *= 2.0
    cepstrum[samples // 2 + 1 :] = 0.0
    return np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), samples)[: samples // 2], 0


def response_frequencies(sample_rate: int) -> np.ndarray:
    """Return the frequencies, in hertz, at which ``filter_by_gain`` evaluates the gain."""
    return np.fft.rfftfreq(_RESPONSE_SAMPLES, 1.0 / sample_rate)


def filter_by_gain(
    audio: np.ndarray,
    gain_db: Callable[[np.ndarray], np.ndarray],
    sample_rate: int,
    phase: str,
) -> np.ndarray:
    """Filter ``(samples,)`` by a gain over frequency; returns float32 of the same length.

    Args:
        audio: the signal.
        gain_db: maps frequencies in hertz to gains in decibels, which are limited to -100 dB.
        sample_rate: in hertz.
        phase: one of ``PHASES``.
    """
    gains = np.maximum(gain_db(response_frequencies(sample_rate)), -100.0)
    return convolve(audio, *phased_taps(10.0 ** (gains / 20.0), phase))


@dataclass(frozen=True)
class LowPass:
    """A low-pass filter without delay.

    Args:
        family: one of ``FAMILIES``.
        order: order of the recursive filter, which is applied twice; for ``"fir"`` (Hamming
            window) the number of taps less one, which must be even.
        cutoff_hz: edge as SciPy defines it for the family: -3 dB for Butterworth and Bessel
            (-6 dB after both passes), end of the ripple for Chebyshev I and elliptic, start of
            the stopband for Chebyshev II, -6 dB for FIR. At or above half the sample rate the
            filter lets everything through.
        ripple_db: passband ripple of Chebyshev I and elliptic filters, for each pass.
        stopband_db: stopband attenuation of Chebyshev II and elliptic filters, for each pass.

    Raises:
        ValueError: if the family is unknown or a value is out of range.
    """

    family: str
    order: int
    cutoff_hz: float
    ripple_db: float = 0.5
    stopband_db: float = 40.0

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ValueError(f"family is {self.family!r}; expected one of {', '.join(FAMILIES)}")
        if self.order < 1 or (self.family == "fir" and self.order % 2):
            raise ValueError(f"order is {self.order}; expected 1 or more, and even for fir")
        if not self.cutoff_hz > 0:
            raise ValueError(f"cutoff_hz is {self.cutoff_hz}; expected more than 0")

    @classmethod
    def draw(cls, rng: np.random.Generator, cutoff_hz: tuple[float, float]) -> "LowPass":
        """Draw any family with equal chance, with an order from ``DRAWN_ORDERS``."""
        family = str(rng.choice(FAMILIES))
        low, high = DRAWN_ORDERS[family]
        order = int(rng.integers(low, high + 1))
        return cls(
            family,
            order + order % 2 if family == "fir" else order,
            uniform(rng, cutoff_hz, digits=1),
            uniform(rng, (0.05, 1.0)),
            uniform(rng, (30.0, 50.0), digits=1),
        )

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Filter ``(samples,)``; returns float32 of the same length and alignment."""
        if self.cutoff_hz >= sample_rate / 2:
            return audio.astype(np.float32)
        if self.family == "fir":
            return convolve(audio, signal.firwin(self.order + 1, self.cutoff_hz, fs=sample_rate))
        return zero_phase(self.sections(sample_rate), audio)

    def sections(self, sample_rate: int) -> np.ndarray:
        """Return the second-order sections of one pass of a recursive family."""
        options = {"Wn": self.cutoff_hz, "fs": sample_rate, "output": "sos"}
        if self.family == "butterworth":
            return signal.butter(self.order, **options)
        if self.family == "chebyshev1":
            return signal.cheby1(self.order, self.ripple_db, **options)
        if self.family == "chebyshev2":
            return signal.cheby2(self.order, self.stopband_db, **options)
        if self.family == "elliptic":
            return signal.ellip(self.order, self.ripple_db, self.stopband_db, **options)
        if self.family == "bessel":
            return signal.bessel(self.order, norm="mag", **options)
        raise ValueError("a fir filter has no second-order sections")
