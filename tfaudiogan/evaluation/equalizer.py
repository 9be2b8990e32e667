"""The best that an equaliser can do: one linear filter, fitted to the training pairs."""

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
    """A fixed linear filter; ``taps`` are centred, so that it sees as much future as past.

    What a neural network must beat to be worth anything.

    Args:
        taps: ``(odd number,)``, the middle one at time 0.

    Raises:
        ValueError: for an even number of taps.
    """

    taps: np.ndarray

    def __post_init__(self) -> None:
        if self.taps.ndim != 1 or len(self.taps) % 2 == 0:
            raise ValueError(f"taps have shape {self.taps.shape}; expected (odd number,)")

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """Filter ``(n, W)`` to ``(n, W)`` float32, each window with silence around it."""
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
    """The filter whose output has the least squared distance to the targets of a split.

    The Wiener filter in its finite form: with the autocorrelation r of the inputs and their
    cross-correlation p with the targets, at the common level, the taps solve the Toeplitz system
    R h = p (Wiener 1949; Levinson 1946).

    Args:
        corpus: the pairs.
        taps: length of the filter, odd.
        split: the pairs that it is fitted to.
        max_seconds: stop after so much audio, the same share of each track.
        regularization: added to r[0], relative to it: white noise at -60 dB keeps bands without
            any input from being boosted without bound.

    Raises:
        ValueError: for an even number of taps, or fewer than 1.
        InputError: when there is no such split, or it is empty.
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
            around, target_audio = corpus.read(pair, first, min(stop + taps, samples))
            inside = slice(start - first, stop - first)
            auto += _products(around[inside], around, inside.start, taps - 1)[taps - 1 :]
            cross += _products(target_audio[inside], around, inside.start, taps // 2)[::-1]
    auto[0] *= 1.0 + regularization
    return Equalizer(solve_toeplitz(auto, cross))


def fit_blind_equalizer(
    corpus: Corpus, *, split: str = "train", tracks: int = 200, seconds: float = 30.0
) -> BlindEqualizer:
    """The equalizer towards the mean long-term spectrum, in dB, of a split's targets.

    Args:
        corpus: the pairs.
        split: the pairs whose targets are clean.
        tracks: at most so many, evenly spread.
        seconds: at most that much of each.

    Raises:
        InputError: when there is no such split, or it is empty.
    """
    pairs = corpus.split(split)
    pairs = pairs[:: max(1, len(pairs) // tracks)]
    spectra = []
    for pair in pairs:
        _, target = corpus.read(pair, 0, min(pair.samples, round(seconds * pair.sample_rate)))
        spectra.append(long_term_spectrum(target, pair.sample_rate))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # bands that no track has
        return BlindEqualizer(np.nanmean(spectra, axis=0))


def _products(block: np.ndarray, around: np.ndarray, offset: int, reach: int) -> np.ndarray:
    """Sum of ``block[n] * around[offset + n + k]`` for k from ``-reach`` to ``reach``."""
    size = fft.next_fast_len(len(around) + reach, real=True)
    spectrum = fft.rfft(block.astype(np.float64), size).conj()
    products = fft.irfft(spectrum * fft.rfft(around.astype(np.float64), size), size)
    return products[np.arange(offset - reach, offset + reach + 1)]
