"""An equalizer that knows only the recording itself and how clean recordings sound on average."""

from dataclasses import dataclass

import numpy as np
from scipy import fft, signal

from tfaudiogan.audio.filters import convolve
from tfaudiogan.audio.levels import COMMON_LEVEL_DBFS, GATE_DBFS, db_to_gain
from tfaudiogan.audio.windows import periodic_hann

FRAME_S = 0.093
BANDS_PER_OCTAVE = 3
LOWEST_HZ = 31.25
HIGHEST_HZ = 20_000.0
FLOOR_PERCENTILE = 10.0
LEAST_SHARE = 0.05
"""Share of a band's power that counts as music, however steady the band is."""

QUIETEST_DB = -90.0
STEP_DB = 0.25
FRAMES_AT_ONCE = 64
STEPS_DB = np.arange(-150.0, 50.0, STEP_DB)
MAX_GAIN_DB = 12.0
FILTER_S = 0.046

CENTERS_HZ = LOWEST_HZ * 2.0 ** (
    np.arange(1 + int(BANDS_PER_OCTAVE * np.log2(HIGHEST_HZ / LOWEST_HZ))) / BANDS_PER_OCTAVE
)
"""Centers of the third-octave bands, 31.25 Hz to 20 kHz."""


class SpectrumMeter:
    """Measures a long-term spectrum piece by piece, in constant memory.

    Percentiles are read off histograms of ``STEP_DB``.

    Args:
        sample_rate: in hertz.
        channels: of the recording.
    """

    def __init__(self, sample_rate: int, channels: int = 1) -> None:
        self._size = max(16, fft.next_fast_len(round(FRAME_S * sample_rate), real=True))
        self._known = sample_rate / 2 > CENTERS_HZ * 2.0 ** (0.5 / BANDS_PER_OCTAVE)
        self._weights = _band_weights(CENTERS_HZ[self._known], self._size, sample_rate)
        self._window = periodic_hann(self._size)
        self._rest = np.zeros((0, channels), np.float32)
        self._total = np.zeros(self._weights.shape[1] + 1)
        self._histogram = np.zeros((len(STEPS_DB), len(self._total)), np.int32)
        self._frames = 0

    def add(self, audio: np.ndarray) -> None:
        """Take the next piece, ``(samples, channels)``."""
        audio = np.concatenate([self._rest, audio])
        count = len(audio) // self._size
        for first in range(0, count, FRAMES_AT_ONCE):
            stop = min(first + FRAMES_AT_ONCE, count)
            self._measure(audio[first * self._size : stop * self._size])
        self._rest = audio[count * self._size :]

    def _measure(self, audio: np.ndarray) -> None:
        """Count whole frames, those below the gate left out."""
        frames = audio.reshape(-1, self._size, audio.shape[1])
        powers = np.square(frames, dtype=np.float64).mean(axis=(1, 2))
        sounding = powers > db_to_gain(GATE_DBFS) ** 2
        frames, powers = frames[sounding], powers[sounding]
        if not len(frames):
            return
        windowed = np.moveaxis(frames, 1, 2) * self._window
        spectra = np.square(np.abs(fft.rfft(windowed))).mean(axis=1)
        bands = spectra @ self._weights / float(np.square(self._window).sum())
        powers = np.concatenate([bands, powers[:, np.newaxis]], axis=1)
        self._total += powers.sum(axis=0)
        steps = np.searchsorted(STEPS_DB, 10.0 * np.log10(np.maximum(powers, 1e-20)))
        places = np.minimum(steps, len(STEPS_DB) - 1), np.arange(powers.shape[1])
        np.add.at(self._histogram, places, 1)
        self._frames += len(frames)

    def _floor(self) -> np.ndarray:
        """The ``FLOOR_PERCENTILE`` of the bands' powers, and of the frames' last."""
        reached = np.cumsum(self._histogram, axis=0) >= self._frames * FLOOR_PERCENTILE / 100.0
        return 10.0 ** ((STEPS_DB[reached.argmax(axis=0)] - STEP_DB / 2.0) / 10.0)

    @property
    def quiet_dbfs(self) -> float | None:
        """Level of the quietest tenth of the sounding frames: an estimate of the noise."""
        return 10.0 * float(np.log10(self._floor()[-1])) if self._frames else None

    def spectrum_db(self) -> np.ndarray:
        """What ``long_term_spectrum`` gives of all pieces together."""
        if not self._frames and len(self._rest):
            missing = self._size - len(self._rest)
            self._measure(np.pad(self._rest, ((0, missing), (0, 0))))
        spectrum_db = np.full(len(CENTERS_HZ), np.nan)
        if not self._frames:
            return spectrum_db
        mean = self._total / self._frames
        gain = db_to_gain(COMMON_LEVEL_DBFS) ** 2 / mean[-1]
        # The quietest tenth of a noise is quieter than its mean, and music is seldom all silent.
        tone = gain * np.maximum(mean - self._floor(), LEAST_SHARE * mean)[:-1]
        spectrum_db[self._known] = 10.0 * np.log10(np.maximum(tone, 10 ** (QUIETEST_DB / 10.0)))
        return spectrum_db


def long_term_spectrum(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Level of each third-octave band over a whole recording, its noise floor taken out.

    Frames of ``FRAME_S`` below the gate of ``audio.levels`` are left out. The power that a band has
    in its quietest frames, the ``FLOOR_PERCENTILE`` of all, is subtracted from its mean.

    Args:
        audio: ``(samples,)`` or ``(samples, channels)`` floats.
        sample_rate: in hertz.

    Returns:
        ``(len(CENTERS_HZ),)`` mean power density in dB, as it is at the common level; NaN for bands
        above half the sample rate, and everywhere for silence.
    """
    channels = audio[:, np.newaxis] if audio.ndim == 1 else audio
    meter = SpectrumMeter(sample_rate, channels.shape[1])
    meter.add(channels)
    return meter.spectrum_db()


def _band_weights(centers_hz: np.ndarray, size: int, sample_rate: int) -> np.ndarray:
    """Mean over the bins of each band, ``(bins, bands)``; a narrow band takes its nearest bin."""
    bins = np.arange(size // 2 + 1) * sample_rate / size
    edges = centers_hz[:, np.newaxis] * 2.0 ** (np.array([-0.5, 0.5]) / BANDS_PER_OCTAVE)
    inside = (bins >= edges[:, :1]) & (bins < edges[:, 1:])
    for band in np.flatnonzero(~inside.any(axis=1)):
        inside[band, np.abs(bins - centers_hz[band]).argmin()] = True
    return (inside / inside.sum(axis=1, keepdims=True)).T


@dataclass(frozen=True, eq=False)
class BlindEqualizer:
    """Brings a recording's long-term spectrum towards a given one, with one filter throughout.

    The filter has zero phase, so nothing moves in time; it is the same for all channels. Its gains
    are those of the bands less their mean, smoothed over neighboring bands and limited.

    Args:
        target_db: ``long_term_spectrum`` of clean recordings, their mean in dB. Bands that are NaN
            are left alone.
        amount: share of the way towards it, 0 to 1.
        max_gain_db: the most that a band changes, either way.

    Raises:
        ValueError: when the target has another number of bands, or the amount is out of range.
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
        """Gain of each band for a recording, ``(len(CENTERS_HZ),)`` dB; 0 where it is unknown."""
        return self.gains_for(long_term_spectrum(audio, sample_rate))

    def gains_for(self, spectrum_db: np.ndarray) -> np.ndarray:
        """Gain of each band for a long-term spectrum, in dB."""
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
        """Equalize ``(samples,)`` or ``(samples, channels)``; float32 of the same shape."""
        taps = zero_phase_taps(self.gains_db(audio, sample_rate), sample_rate)
        if audio.ndim == 1:
            return convolve(audio, taps)
        return np.stack([convolve(column, taps) for column in audio.T], axis=-1)


def zero_phase_taps(gains_db: np.ndarray, sample_rate: int) -> np.ndarray:
    """A symmetric filter of about ``FILTER_S`` with gains given at ``CENTERS_HZ``, in dB."""
    half = round(FILTER_S * sample_rate / 2)
    size = fft.next_fast_len(8 * half, real=True)
    hertz = fft.rfftfreq(size, 1.0 / sample_rate)
    gain_db = np.interp(np.log2(np.maximum(hertz, 1.0)), np.log2(CENTERS_HZ), gains_db)
    response = fft.irfft(10.0 ** (gain_db / 20.0), size)
    taps = np.concatenate([response[-half:], response[: half + 1]])
    return taps * np.hanning(2 * half + 3)[1:-1]


class FilterStream:
    """A symmetric filter over a stream of ``(samples, channels)``, its delay taken out.

    Args:
        taps: an odd number of them, the middle one at time 0.
        channels: of the stream.
    """

    def __init__(self, taps: np.ndarray, channels: int) -> None:
        self._taps = taps[:, np.newaxis]
        self._half = len(taps) // 2
        self._past = np.zeros((self._half, channels), np.float32)

    def feed(self, audio: np.ndarray) -> np.ndarray:
        """Take the next block, give what is ready."""
        known = np.concatenate([self._past, audio])
        ready = max(0, len(known) - 2 * self._half)
        self._past = known[ready:]
        if not ready:
            return known[:0]
        return signal.oaconvolve(known, self._taps, mode="valid", axes=0).astype(np.float32)

    def flush(self) -> np.ndarray:
        """Give what is left."""
        return self.feed(np.zeros((self._half, self._past.shape[1]), np.float32))
