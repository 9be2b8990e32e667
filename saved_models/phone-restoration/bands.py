"""Band powers of a corpus's excerpts, from which phone-restoration is trained.

A gain that is the same for all bins of a band changes the band's power, and its product with the
target, by a factor. The powers and the product of each band are therefore all that the training
loss needs, and are a fifth of the size of the spectra, which need not be computed again.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import scipy.fft

from tfaudiogan.corpus.manifest import Pair
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.layers.bands import band_edges
from tfaudiogan.progress import progress_bar
from tfaudiogan.storage import replacing

N_FFT = 2048
HOP = N_FFT // 2
BINS = HOP + 1
BANDS = 256
FRAMES = 256
WINDOW = (FRAMES - 1) * HOP
ANALYSIS = (np.sin(np.pi * np.arange(N_FFT) / N_FFT) / np.sqrt(N_FFT / 2)).astype(np.float32)
EDGES = band_edges(BINS, BANDS)
WIDTHS = np.diff(EDGES).astype(np.float32)
SILENCE = 1e-12


def mean_of_bands(values: np.ndarray) -> np.ndarray:
    """Average ``(..., BINS)`` to ``(..., BANDS)``, as the layer ``FrequencyBands1D`` does."""
    return np.add.reduceat(values, EDGES[:-1], axis=-1) / WIDTHS


def measure(signals: np.ndarray) -> np.ndarray:
    """Return an excerpt's bands.

    Args:
        signals: input and target, ``(2, WINDOW)``.

    Returns:
        ``(3, FRAMES, BANDS)`` in float16: the natural logarithms of the input's and the target's
        mean powers, and the real part of their coherence, from -1 to 1. Frames are those of
        ``Spectrum1D``.
    """
    padded = np.pad(signals, ((0, 0), (HOP, HOP)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT, axis=1)[:, ::HOP]
    spectra = scipy.fft.rfft(frames * ANALYSIS)
    powers = mean_of_bands(spectra.real**2 + spectra.imag**2) + SILENCE
    product = mean_of_bands((spectra[0] * spectra[1].conj()).real)
    coherence = product / np.sqrt(powers[0] * powers[1])
    return np.stack([*np.log(powers), coherence]).astype(np.float16)


def center_of(corpus: Corpus, pair: Pair) -> np.ndarray:
    """Return the input and the target of an excerpt's center, ``(2, WINDOW)``."""
    start = (pair.samples - WINDOW) // 2
    return np.asarray(corpus.read(pair, start, start + WINDOW), np.float32)


def bands_of(corpus: Corpus, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the bands of a corpus's training excerpts, ``(excerpts, 3, FRAMES, BANDS)``.

    They are computed once, and then read from a file in ``folder``, which is not held in memory.
    Also returned is whether each excerpt is altered, ``(excerpts,)``.

    Raises:
        InputError: if no training excerpt is long enough, or one cannot be read.
    """
    pairs = [pair for pair in corpus.split("train") if pair.samples >= WINDOW]
    if not pairs:
        raise InputError(f"{corpus.folder} has no training excerpt of {WINDOW} samples or more")
    path = folder / f"{corpus.checksum[:16]}.npy"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)

        def read(pair: Pair) -> np.ndarray:
            return measure(center_of(corpus, pair))

        shape = (len(pairs), 3, FRAMES, BANDS)
        with (
            replacing(path) as temporary,
            progress_bar() as progress,
            ThreadPoolExecutor(2) as pool,
        ):
            bar = progress.add_task(f"Bands of {corpus.folder}", total=len(pairs), status="")
            array = np.lib.format.open_memmap(temporary, "w+", np.float16, shape)
            for index, bands in enumerate(pool.map(read, pairs)):
                array[index] = bands
                progress.update(bar, completed=index + 1)
            array.flush()
    return np.load(path, mmap_mode="r"), np.array([pair.altered for pair in pairs])
