"""Equalizer baselines, which are fitted to the training pairs."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.linalg import solve_toeplitz
from scipy.signal import oaconvolve

from tfaudiogan.audio.blind_equalizer import BlindEqualizer, long_term_spectrum
from tfaudiogan.corpus.reading import Corpus

_BLOCK = 1 << 17


@dataclass(frozen=True, eq=False)
class Equalizer:
    """A fixed linear filter with centered taps, which uses as much future as past.

    A neural network is only useful if it does better than this baseline.

    Args:
        taps: Filter taps, ``(odd number,)``. The middle one is at time 0.

    Raises:
        ValueError: If the number of taps is even.
    """

    taps: np.ndarray

    def __post_init__(self) -> None:
        if self.taps.ndim != 1 or len(self.taps) % 2 == 0:
            raise ValueError(f"taps have shape {self.taps.shape}; expected (odd number,)")

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """Filter windows ``(n, window)`` to the same shape, float32, with silence around each."""
        half = len(self.taps) // 2
        filtered = oaconvolve(windows, self.taps[np.newaxis].astype(np.float32), axes=1)
        return filtered[:, half : half + windows.shape[1]].astype(np.float32)


def fit_equalizer(
    corpus: Corpus,
    *,
    taps: int = 1023,
    split: str = "train",
    max_seconds: float | None = None,
    regularization: float = 1e-6,
) -> Equalizer:
    """Fit the linear filter with the least squared error to the targets of a split.

    This is the finite Wiener filter. With the autocorrelation r of the inputs and their
    cross-correlation p with the targets, at the common level, the taps solve the Toeplitz system
    R h = p (Wiener 1949; Levinson 1946).

    Args:
        corpus: Corpus of pairs.
        taps: Length of the filter, an odd number.
        split: Split that the filter is fitted to.
        max_seconds: Largest amount of audio to use. The same share of each track is used.
        regularization: Value relative to r[0] that is added to it. It acts as white noise, at -60
            dB by default, and bounds the gain in bands without input.

    Raises:
        ValueError: If the number of taps is even or less than 1.
        InputError: If the split does not exist or is empty.
    """
    if taps < 1 or taps % 2 == 0:
        raise ValueError(f"taps is {taps}; expected an odd number of at least 1")
    pairs = corpus.split(split)
    share = 1.0
    if max_seconds is not None:
        share = min(1.0, max_seconds / sum(pair.seconds for pair in pairs))
    auto, cross = np.zeros(taps), np.zeros(taps)
    for pair in pairs:
        samples = max(1, round(share * pair.samples))
        for start in range(0, samples, _BLOCK):
            stop = min(start + _BLOCK, samples)
            first = max(0, start - taps)
            inputs, targets = corpus.read(pair, first, min(stop + taps, samples))
            block = slice(start - first, stop - first)
            auto += _correlate(inputs[block], inputs, block.start, taps - 1)[taps - 1 :]
            cross += _correlate(targets[block], inputs, block.start, taps // 2)[::-1]
    auto[0] *= 1.0 + regularization
    return Equalizer(solve_toeplitz(auto, cross))


def fit_blind_equalizer(
    corpus: Corpus, *, split: str = "train", tracks: int = 200, seconds: float = 30.0
) -> BlindEqualizer:
    """Fit an equalizer toward the mean long-term spectrum, in dB, of a split's targets.

    Args:
        corpus: Corpus of pairs.
        split: Split whose targets are used.
        tracks: Largest number of tracks to use. They are evenly spaced in the split.
        seconds: Largest length of each track to use.

    Raises:
        InputError: If the split does not exist or is empty.
    """
    pairs = corpus.split(split)
    pairs = pairs[:: max(1, len(pairs) // tracks)]
    spectra = []
    for pair in pairs:
        _, target = corpus.read(pair, 0, min(pair.samples, round(seconds * pair.sample_rate)))
        spectra.append(long_term_spectrum(target, pair.sample_rate))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # Bands without any sound.
        return BlindEqualizer(np.nanmean(spectra, axis=0))


def _correlate(block: np.ndarray, signal: np.ndarray, offset: int, max_lag: int) -> np.ndarray:
    """Sum ``block[n] * signal[offset + n + lag]`` for lags from ``-max_lag`` to ``max_lag``."""
    size = fft.next_fast_len(len(signal) + max_lag, real=True)
    spectrum = fft.rfft(block.astype(np.float64), size).conj()
    products = fft.irfft(spectrum * fft.rfft(signal.astype(np.float64), size), size)
    return products[np.arange(offset - max_lag, offset + max_lag + 1)]
