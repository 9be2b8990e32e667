"""Split a signal into overlapping windows, and add them up again (section III-B).

Windows overlap by half. They are rectangular when the signal is split, and weighted with a periodic
Hann window when they are added up. Half a window of silence on both sides puts every sample into
two windows, so that the first and last samples are restored too.
"""

import numpy as np


def periodic_hann(window: int) -> np.ndarray:
    """Return a periodic Hann window, ``(window,)`` float32.

    At 50 % overlap it sums to one, which the symmetric Hann window does not.
    """
    phase = 2.0 * np.pi * np.arange(window) / window
    return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)


def check_window(window: int) -> int:
    """Return ``window`` if it is an even number of at least 2 samples.

    Raises:
        ValueError: if it is not.
    """
    if window < 2 or window % 2:
        raise ValueError(f"window is {window} samples; expected an even number of at least 2")
    return window


def split_windows(audio: np.ndarray, window: int = 8192) -> np.ndarray:
    """Split ``(samples,)`` into ``(windows, window)`` with a hop of ``window // 2``.

    Example: 8192 samples give 3 windows, of which the middle one is the signal itself.
    """
    half = check_window(window) // 2
    count = -(-len(audio) // half) + 1 if len(audio) else 0
    padded = np.zeros((count + 1) * half, audio.dtype)
    padded[half : half + len(audio)] = audio
    if not count:
        return np.zeros((0, window), audio.dtype)
    return np.lib.stride_tricks.sliding_window_view(padded, window)[::half].copy()


def overlap_add(windows: np.ndarray, samples: int) -> np.ndarray:
    """Weight ``(windows, window)`` with a periodic Hann window and add them up to ``(samples,)``.

    It inverts ``split_windows`` up to rounding: ``overlap_add(split_windows(x, w), len(x)) == x``.

    Raises:
        ValueError: if there are too few windows for that many samples.
    """
    count, window = windows.shape
    half = check_window(window) // 2
    if samples > max(count - 1, 0) * half:
        raise ValueError(
            f"{count} windows of {window} hold {max(count - 1, 0) * half} samples, not {samples}"
        )
    silence = np.zeros(half, windows.dtype)
    audio, tail = add_halves(windows, silence)
    return np.concatenate([audio, tail])[half : half + samples]


def add_halves(windows: np.ndarray, tail: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight consecutive windows with a periodic Hann window and add up their overlapping halves.

    Args:
        windows: ``(..., windows, window)``, with an even number of samples in a window.
        tail: ``(..., window // 2)``, the weighted second half of the window before the first.

    Returns:
        ``(..., windows * window // 2)`` samples, and the tail for the next window.
    """
    *leading, count, window = windows.shape
    half = window // 2
    faded = windows * periodic_hann(window).astype(windows.dtype)
    seconds = np.concatenate([tail[..., np.newaxis, :], faded[..., half:]], axis=-2)
    added = faded[..., :half] + seconds[..., :-1, :]
    return added.reshape(*leading, count * half), seconds[..., -1, :].copy()
