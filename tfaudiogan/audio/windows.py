"""Split a signal into overlapping windows, and add them up again (section III-B).

Windows are rectangular when the signal is split, and faded into one another when they are added
up: over half of a window with a periodic Hann window, as in the paper, or over less where the hop
is larger. Silence on both sides, as long as the overlap, restores the first and last samples too.
"""

import functools

import numpy as np


@functools.lru_cache(16)
def periodic_hann(window: int) -> np.ndarray:
    """Return a periodic Hann window, ``(window,)`` float32.

    At 50 % overlap it sums to one, which the symmetric Hann window does not.
    """
    phase = 2.0 * np.pi * np.arange(window) / window
    hann = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
    hann.flags.writeable = False  # What is kept for the next caller must stay as it is.
    return hann


def check_window(window: int) -> int:
    """Return ``window`` if it is an even number of at least 2 samples.

    Raises:
        ValueError: if it is not.
    """
    if window < 2 or window % 2:
        raise ValueError(f"window is {window} samples; expected an even number of at least 2")
    return window


def check_hop(window: int, hop: int | None) -> int:
    """Return ``hop``, or half of the window if it is ``None``.

    Raises:
        ValueError: if it is less than half of the window, or leaves no overlap.
    """
    half = check_window(window) // 2
    if hop is None:
        return half
    if not half <= hop < window:
        raise ValueError(f"hop is {hop} samples; expected {half} to {window - 1}")
    return hop


def split_windows(audio: np.ndarray, window: int = 8192, hop: int | None = None) -> np.ndarray:
    """Split ``(samples,)`` into ``(windows, window)``, with a window every ``hop`` samples.

    The hop is half of the window unless given.

    Example: 8192 samples give 3 windows, of which the middle one is the signal itself.
    """
    hop = check_hop(window, hop)
    overlap = window - hop
    count = -(-(len(audio) + overlap) // hop) if len(audio) else 0
    padded = np.zeros(count * hop + overlap, audio.dtype)
    padded[overlap : overlap + len(audio)] = audio[: len(padded)]
    if not count:
        return np.zeros((0, window), audio.dtype)
    return np.lib.stride_tricks.sliding_window_view(padded, window)[::hop].copy()


def overlap_add(windows: np.ndarray, samples: int, hop: int | None = None) -> np.ndarray:
    """Fade ``(windows, window)`` into one another and add them up to ``(samples,)``.

    It inverts ``split_windows`` up to rounding: ``overlap_add(split_windows(x, w), len(x)) == x``.

    Raises:
        ValueError: if there are too few windows for that many samples.
    """
    count, window = windows.shape
    hop = check_hop(window, hop)
    overlap = window - hop
    held = max(count * hop - overlap, 0)
    if samples > held:
        raise ValueError(f"{count} windows of {window} hold {held} samples, not {samples}")
    audio, _ = add_windows(windows, np.zeros(overlap, windows.dtype))
    return audio[overlap : overlap + samples]


def add_windows(windows: np.ndarray, tail: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fade consecutive windows into one another and add them up.

    The weights of a window rise over the overlap like the first half of a periodic Hann window and
    fall like its second half, so that those of two neighbors sum to one.

    Args:
        windows: ``(windows, window)``, or ``(windows, window, channels)``.
        tail: ``(overlap,)`` or ``(overlap, channels)``, the faded end of the window before the
            first. The overlap is at most half of the window.

    Returns:
        ``(windows * hop,)`` samples, or with channels, and the tail for the next window.
    """
    count, window, *channels = windows.shape
    overlap = len(tail)
    hop = window - overlap
    hann = periodic_hann(2 * overlap).astype(windows.dtype, copy=False)
    rise, fall = hann.reshape(2, overlap, *[1] * len(channels))
    added = windows[:, :hop].copy()
    added[:, :overlap] *= rise
    for part, end in zip(added, windows[:, hop:], strict=True):
        part[:overlap] += tail
        tail = end * fall
    return added.reshape(count * hop, *channels), tail
