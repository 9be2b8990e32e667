"""Cut a signal into overlapping windows and add them up again (section III-B).

Windows overlap by half and are cut as they are (rectangular); a periodic Hann window fades them
only when they are added up. Half a window of silence on both sides gives every sample two
windows, so that the first and last samples come back too.
"""

import numpy as np


def periodic_hann(window: int) -> np.ndarray:
    """Periodic Hann window, ``(window,)`` float32; at 50 % overlap it sums to one.

    The symmetric form of the same length does not.
    """
    phase = 2.0 * np.pi * np.arange(window) / window
    return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)


def check_window(window: int) -> int:
    """Return ``window`` where it is an even number of at least 2 samples.

    Raises:
        ValueError: otherwise.
    """
    if window < 2 or window % 2:
        raise ValueError(f"window is {window} samples; expected an even number of at least 2")
    return window


def split_windows(audio: np.ndarray, window: int = 8192) -> np.ndarray:
    """Cut ``(samples,)`` into ``(windows, window)`` with a hop of ``window // 2``.

    Example: 8192 samples give 3 windows, the middle one the signal itself.
    """
    half = check_window(window) // 2
    count = -(-len(audio) // half) + 1 if len(audio) else 0
    padded = np.zeros((count + 1) * half, audio.dtype)
    padded[half : half + len(audio)] = audio
    if not count:
        return np.zeros((0, window), audio.dtype)
    return np.lib.stride_tricks.sliding_window_view(padded, window)[::half].copy()


def overlap_add(windows: np.ndarray, samples: int) -> np.ndarray:
    """Fade ``(windows, window)`` with a periodic Hann and add them up to ``(samples,)``.

    Inverse of ``split_windows``, to rounding: ``overlap_add(split_windows(x, w), len(x)) == x``.

    Raises:
        ValueError: when the windows are too few for that many samples.
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
    """Fade windows that follow one another with a periodic Hann and add their halves up.

    Args:
        windows: ``(..., windows, window)``, the window an even number of samples.
        tail: ``(..., window // 2)``, the faded second half of the window before the first.

    Returns:
        ``(..., windows * window // 2)`` samples, and the tail for the window that comes next.
    """
    *leading, count, window = windows.shape
    half = window // 2
    faded = windows * periodic_hann(window).astype(windows.dtype)
    seconds = np.concatenate([tail[..., np.newaxis, :], faded[..., half:]], axis=-2)
    added = faded[..., :half] + seconds[..., :-1, :]
    return added.reshape(*leading, count * half), seconds[..., -1, :].copy()
