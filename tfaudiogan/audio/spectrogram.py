"""A spectrogram in NumPy for figures; losses and metrics use ``audio.spectra``."""

import numpy as np

from tfaudiogan.audio.windows import periodic_hann


def centered_spectrogram(audio: np.ndarray, n_fft: int) -> np.ndarray:
    """Compute a power spectrogram with a hop of a quarter of a frame.

    The first frame is centered on the first sample: the signal is reflected at both ends, or
    padded with silence if it is too short to be reflected.

    Args:
        audio: ``(samples,)``, at least one sample.
        n_fft: samples in a frame, which is weighted with a periodic Hann window.

    Returns:
        ``(n_fft // 2 + 1, frames)`` float64, with ``4 * samples // n_fft + 1`` frames if ``n_fft``
        is a multiple of 4.
    """
    half = n_fft // 2
    samples = np.asarray(audio, np.float64)
    padded = np.pad(samples, half, "reflect") if len(audio) > half else np.pad(samples, half)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[:: n_fft // 4]
    return np.square(np.abs(np.fft.rfft(frames * periodic_hann(n_fft)))).T
