"""An equalizer that uses only the recording and the mean spectrum of clean recordings."""

from dataclasses import dataclass

import numpy as np
from scipy import fft, signal

from tfaudiogan.audio.filters import convolve
from tfaudiogan.audio.levels import COMMON_LEVEL_DBFS, GATE_DBFS, db_to_gain
from tfaudiogan.audio.windows import periodic_hann

FRAME_S = 0.093
BANDS_PER_OCTAVE = 3
LOWEST_CENTER_HZ = 31.25
HIGHEST_CENTER_HZ = 20_000.0
FLOOR_PERCENTILE = 10.0
LEAST_SHARE = 0.05
"""Share of a band's power that always counts as music, however steady the band is."""

QUIETEST_DB = -90.0
STEP_DB = 0.25
FRAMES_AT_ONCE = 16
"""Frames that a processor's cache holds with their spectra."""

STEPS_DB = np.arange(-150.0, 50.0, STEP_DB)
MAX_GAIN_DB = 12.0
FILTER_S = 0.046

CENTERS_HZ = LOWEST_CENTER_HZ * 2.0 ** (
    np.arange(1 + int(BANDS_PER_OCTAVE * np.log2(HIGHEST_CENTER_HZ / LOWEST_CENTER_HZ)))
    / BANDS_PER_OCTAVE
)
"""Centers of the third-octave bands, 31.25 Hz to 20 kHz."""


class SpectrumMeter:
    """Measure a long-term spectrum piece by piece, in constant memory.

    Percentiles are read off histograms with bins of ``STEP_DB``.

    Args:
        sample_rate: in hertz.
        channels: number of channels of the recording.
    """

    def __init__(self, sample_rate: int, channels: int = 1) -> None:
        self._size = max(16, fft.next_fast_len(round(FRAME_S * sample_rate), real=True))
        self._known = sample_rate / 2 > CENTERS_HZ * 2.0 ** (0.5 / BANDS_PER_OCTAVE)
        self._weights = _band_weights(CENTERS_HZ[self._known], self._size, sample_rate)
        self._window = periodic_hann(self._size)
        self._pending = np.zeros((0, channels), np.float32)
        self._total = np.zeros(self._weights.shape[1] + 1)
        self._histogram = np.zeros((len(STEPS_DB), len(self._total)), np.int32)
        self._frames = 0

    def add(self, audio: np.ndarray) -> None:
        """Measure the next piece, ``(samples, channels)``."""
        step = FRAMES_AT_ONCE * self._size
        for first in range(0, len(audio), step):
            piece = np.concatenate([self._pending, audio[first : first + step]])
            whole = len(piece) - len(piece) % self._size
            self._measure(piece[:whole])
            self._pending = piece[whole:]

    def _measure(self, audio: np.ndarray) -> None:
        """Add whole frames to the statistics, except those below the gate."""
        flat = audio.reshape(-1, self._size * audio.shape[1])
        frames = flat.reshape(len(flat), self._size, audio.shape[1])
        powers = np.einsum("ij,ij->i", flat, flat) / flat.shape[1]
        sounding = powers > db_to_gain(GATE_DBFS) ** 2
        if not sounding.all():
            frames, powers = frames[sounding], powers[sounding]
        if not len(frames):
            return
        windowed = np.multiply(np.moveaxis(frames, 1, 2), self._window, order="C")
        spectra = fft.rfft(windowed)
        spectra = (np.square(spectra.real) + np.square(spectra.imag)).mean(axis=1)
        bands = spectra @ self._weights / float(np.square(self._window).sum())
        powers = np.concatenate([bands, powers[:, np.newaxis]], axis=1)
        self._total += powers.sum(axis=0)
        steps = np.searchsorted(STEPS_DB, 10.0 * np.log10(np.maximum(powers, 1e-20)))
        cells = np.minimum(steps, len(STEPS_DB) - 1), np.arange(powers.shape[1])
        np.add.at(self._histogram, cells, 1)
        self._frames += len(frames)

    def _floor(self) -> np.ndarray:
        """Return the ``FLOOR_PERCENTILE`` of each band's power and, last, of the frames' power."""
        reached = np.cumsum(self._histogram, axis=0) >= self._frames * FLOOR_PERCENTILE / 100.0
        return 10.0 ** ((STEPS_DB[reached.argmax(axis=0)] - STEP_DB / 2.0) / 10.0)

    @property
    def quiet_dbfs(self) -> float | None:
        """Level at the tenth percentile of the sounding frames, an estimate of the noise floor."""
        return 10.0 * float(np.log10(self._floor()[-1])) if self._frames else None

    def spectrum_db(self) -> np.ndarray:
        """Return ``long_term_spectrum`` of all pieces together."""
        if not self._frames and len(self._pending):
            missing = self._size - len(self._pending)
            self._measure(np.pad(self._pending, ((0, missing), (0, 0))))
        spectrum_db = np.full(len(CENTERS_HZ), np.nan)
        if not self._frames:
            return spectrum_db
        mean = self._total / self._frames
        gain = db_to_gain(COMMON_LEVEL_DBFS) ** 2 / mean[-1]
        # The floor is only an estimate, so a share of each band's power always counts as music.
        tone = gain * np.maximum(mean - self._floor(), LEAST_SHARE * mean)[:-1]
        spectrum_db[self._known] = 10.0 * np.log10(np.maximum(tone, 10 ** (QUIETEST_DB / 10.0)))
        return spectrum_db


def long_term_spectrum(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Compute the level of each third-octave band over a whole recording, less its noise floor.

    Frames of ``FRAME_S`` that are below the gate of ``audio.levels`` are ignored. The noise floor
    of a band, the ``FLOOR_PERCENTILE`` of its power over the frames, is subtracted from its mean.

    Args:
        audio: ``(samples,)`` or ``(samples, channels)`` floats.
        sample_rate: in hertz.

    Returns:
        ``(len(CENTERS_HZ),)`` mean power density in dB, with the recording at the common level; NaN
        for bands above half the sample rate, and for all bands of a silent recording.
    """
    channels = audio[:, np.newaxis] if audio.ndim == 1 else audio
    meter = SpectrumMeter(sample_rate, channels.shape[1])
    meter.add(channels)
    return meter.spectrum_db()


def _band_weights(centers_hz: np.ndarray, size: int, sample_rate: int) -> np.ndarray:
    """Return weights, ``(bins, bands)``, that average the bins of each band.

    A band that is narrower than a bin takes the nearest bin.
    """
    bins = np.arange(size // 2 + 1) * sample_rate / size
    edges = centers_hz[:, np.newaxis] * 2.0 ** (np.array([-0.5, 0.5]) / BANDS_PER_OCTAVE)
    inside = (bins >= edges[:, :1]) & (bins < edges[:, 1:])
    for band in np.flatnonzero(~inside.any(axis=1)):
        inside[band, np.abs(bins - centers_hz[band]).argmin()] = True
    return (inside / inside.sum(axis=1, keepdims=True)).T


@dataclass(frozen=True, eq=False)
class BlindEqualizer:
    """Bring a recording's long-term spectrum toward a target spectrum with one static filter.

    The filter has zero phase, so it adds no delay, and is the same for all channels. Its gains are
    the differences of the spectra less their mean, smoothed over neighboring bands and limited.

    Args:
        target_db: mean ``long_term_spectrum`` of clean recordings, in dB. Bands that are NaN stay
            unchanged.
        amount: share of the difference that is corrected, 0 to 1.
        max_gain_db: largest gain of a band, either way.

    Raises:
        ValueError: if the target has the wrong number of bands, or the amount is out of range.
    """

    target_db: np.ndarray
    amount: float = 1.0
    max_gain_db: float = MAX_GAIN_DB

    def __post_init__(self) -> None:
        if np.shape(self.target_db) != CENTERS_HZ.shape:
            raise ValueError(
                f"target_db has the shape {np.shape(self.target_db)}; expected {CENTERS_HZ.shape}"
            )
        if not 0.0 <= self.amount <= 1.0:
            raise ValueError(f"amount is {self.amount}; expected 0 to 1")

    def gains_db(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Return the gain of each band for a recording, ``(len(CENTERS_HZ),)`` dB; 0 if unknown."""
        return self.gains_for(long_term_spectrum(audio, sample_rate))

    def gains_for(self, spectrum_db: np.ndarray) -> np.ndarray:
        """Return the gain of each band for a long-term spectrum, in dB."""
        difference = np.asarray(self.target_db) - spectrum_db
        known = np.isfinite(difference) & (spectrum_db > QUIETEST_DB + 10.0)
        gains = np.zeros(len(CENTERS_HZ))
        if not known.any():
            return gains
        loudness = 10.0 ** (np.asarray(self.target_db)[known] / 10.0)
        difference = difference[known] - np.average(difference[known], weights=loudness**0.25)
        padded = np.pad(difference, 1, mode="edge")
        smooth = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
        gains[known] = self.amount * np.clip(smooth, -self.max_gain_db, self.max_gain_db)
        return gains

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Equalize ``(samples,)`` or ``(samples, channels)``; returns float32 of the same shape."""
        taps = zero_phase_taps(self.gains_db(audio, sample_rate), sample_rate)
        if audio.ndim == 1:
            return convolve(audio, taps)
        return np.stack([convolve(column, taps) for column in audio.T], axis=-1)


def zero_phase_taps(gains_db: np.ndarray, sample_rate: int) -> np.ndarray:
    """Design a symmetric filter of about ``FILTER_S`` with the given gains at ``CENTERS_HZ``."""
    half = round(FILTER_S * sample_rate / 2)
    size = fft.next_fast_len(8 * half, real=True)
    hertz = fft.rfftfreq(size, 1.0 / sample_rate)
    gain_db = np.interp(np.log2(np.maximum(hertz, 1.0)), np.log2(CENTERS_HZ), gains_db)
    response = fft.irfft(10.0 ** (gain_db / 20.0), size)
    taps = np.concatenate([response[-half:], response[: half + 1]])
    return taps * np.hanning(2 * half + 3)[1:-1]


class FilterStream:
    """Apply a symmetric filter to a stream of ``(samples, channels)``, without its delay.

    Args:
        taps: the impulse response, of odd length, with the middle tap at time 0.
        channels: number of channels of the stream.
    """

    def __init__(self, taps: np.ndarray, channels: int) -> None:
        self._taps = taps[:, np.newaxis]
        self._half = len(taps) // 2
        self._past = np.zeros((self._half, channels), np.float32)

    def feed(self, audio: np.ndarray) -> np.ndarray:
        """Filter the next block, and return the samples that are ready."""
        buffered = np.concatenate([self._past, audio])
        ready = max(0, len(buffered) - 2 * self._half)
        self._past = buffered[ready:]
        if not ready:
            return buffered[:0]
        return signal.oaconvolve(buffered, self._taps, mode="valid", axes=0).astype(np.float32)

    def flush(self) -> np.ndarray:
        """Return the remaining samples."""
        return self.feed(np.zeros((self._half, self._past.shape[1]), np.float32))
