"""Short-time spectra on ``keras.ops``, which run and differentiate on every backend.

Frames are taken without padding, weighted with a periodic Hann window as long as the FFT, and
normalized by the window's energy: white noise of variance ``v`` has a mean power of ``v`` in every
bin, whatever the FFT size.
"""

import math
from functools import cache

import numpy as np
from keras import ops

from tfaudiogan.audio.windows import periodic_hann


def stft(signal, n_fft: int = 512, hop: int = 128):
    """Compute the short-time Fourier transform.

    Args:
        signal: ``(batch, samples)`` float, at least ``n_fft`` samples.
        n_fft: samples in a frame.
        hop: samples from one frame to the next.

    Returns:
        Real and imaginary parts, each ``(batch, frames, n_fft // 2 + 1)`` float32.

    Raises:
        ValueError: if the signal is shorter than a frame.
    """
    samples = signal.shape[-1]
    if samples is not None and samples < n_fft:
        raise ValueError(f"the signal has {samples} samples; a spectrum needs {n_fft} or more")
    scale = 1.0 / math.sqrt(float(np.square(periodic_hann(n_fft)).sum()))
    signal = ops.cast(signal, "float32") * scale
    return ops.stft(signal, n_fft, hop, n_fft, window="hann", center=False)


def power_spectrogram(signal, n_fft: int = 512, hop: int = 128):
    """Compute the squared magnitude of the STFT, ``(batch, frames, n_fft // 2 + 1)`` float32."""
    real, imaginary = stft(signal, n_fft, hop)
    return ops.square(real) + ops.square(imaginary)


@cache
def mel_filters(bands: int, n_fft: int, sample_rate: int) -> np.ndarray:
    """Build triangular mel filters, each of unit sum, ``(n_fft // 2 + 1, bands)`` float32.

    The scale is that of O'Shaughnessy (1987), ``2595 log10(1 + f / 700)``, from 0 to half the
    sample rate. A band narrower than a bin takes the bin nearest to its center.
    """
    top = 2595.0 * math.log10(1.0 + sample_rate / 2 / 700.0)
    edges = 700.0 * (10.0 ** (np.linspace(0.0, top, bands + 2) / 2595.0) - 1.0)
    frequencies = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    low, center, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequencies[:, None] - low) / (center - low)
    falling = (high - frequencies[:, None]) / (high - center)
    filters = np.maximum(0.0, np.minimum(rising, falling))
    for band in np.flatnonzero(filters.sum(axis=0) == 0):
        filters[np.abs(frequencies - center[band]).argmin(), band] = 1.0
    return (filters / filters.sum(axis=0)).astype(np.float32)
