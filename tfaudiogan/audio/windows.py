"""Split a signal into overlapping windows, and add them up again (section III-B).

Windows are rectangular when the signal is split, and faded into one another when they are added
up: over half of a window with a periodic Hann window, as in the paper, or over less where the hop
is larger. The first window begins with the signal, and the last one ends with it, so that every
window is as full of the signal as it can be.
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


def first_samples(samples: int, window: int, hop: int) -> np.ndarray:
    """Return the first sample of each window of a signal, ``(windows,)``.

    They are ``hop`` apart, but for the last window, which ends with the signal. A signal that is
    shorter than a window is followed by silence.
    """
    last = max(samples - window, 0)
    count = -(-last // hop) + 1 if samples else 0
    return np.minimum(np.arange(count) * hop, last)


def split_windows(audio: np.ndarray, window: int = 8192, hop: int | None = None) -> np.ndarray:
    """Split ``(samples,)`` into ``(windows, window)``, with a window every ``hop`` samples.

    The hop is half of the window unless given. The last window ends with the signal.

    Example: 8192 samples are a single window of 8192; 8193 are two, one sample apart.
    """
    hop = check_hop(window, hop)
    padded = np.zeros(max(len(audio), window), audio.dtype)
    padded[: len(audio)] = audio
    starts = first_samples(len(audio), window, hop)
    return np.lib.stride_tricks.sliding_window_view(padded, window)[starts]


def overlap_add(windows: np.ndarray, samples: int, hop: int | None = None) -> np.ndarray:
    """Fade ``(windows, window)`` into one another and add them up to ``(samples,)``.

    It inverts ``split_windows`` up to rounding: ``overlap_add(split_windows(x, w), len(x)) == x``.
    Each window but the first is faded in from ``hop`` samples after the fade before it.

    Raises:
        ValueError: if the number of windows is not that of a signal with so many samples.
    """
    count, window = windows.shape
    hop = check_hop(window, hop)
    starts = first_samples(samples, window, hop)
    if count != len(starts):
        raise ValueError(
            f"{samples} samples are {len(starts)} windows of {window}, not {count}, if they are "
            f"{hop} apart"
        )
    if not count:
        return np.zeros(0, windows.dtype)
    late = (count - 1) * hop - starts[-1]
    moved = np.concatenate([windows[:-1], shifted(windows[-1:], late)])
    audio, tail = add_windows(moved, hop=hop)
    return np.concatenate([audio, tail])[:samples]


def shifted(windows: np.ndarray, samples: int) -> np.ndarray:
    """Return windows without their first samples, and with zeros after their last ones."""
    moved = np.zeros_like(windows)
    moved[:, : windows.shape[1] - samples] = windows[:, samples:]
    return moved


def add_windows(
    windows: np.ndarray, tail: np.ndarray | None = None, hop: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Fade consecutive windows into one another and add them up.

    The weights of a window rise over the overlap like the first half of a periodic Hann window,
    while those of the window before fall like its second half, so that they sum to one.

    Args:
        windows: at least one, ``(windows, window)`` or ``(windows, window, channels)``.
        tail: what is left of the window before the first, ``(overlap,)`` or ``(overlap,
            channels)``, or ``None`` if there is none: then the first window is not faded in.
        hop: samples from one window to the next, half of a window unless given.

    Returns:
        ``(windows * hop,)`` samples, or with channels, and the tail for the next window.
    """
    count, window, *channels = windows.shape
    hop = check_hop(window, hop)
    overlap = window - hop
    hann = periodic_hann(2 * overlap).astype(windows.dtype, copy=False)
    rise, fall = hann.reshape(2, overlap, *[1] * len(channels))
    added = windows[:, :hop].copy()
    for part, end in zip(added, windows[:, hop:], strict=True):
        if tail is not None:
            part[:overlap] *= rise
            part[:overlap] += tail * fall
        tail = end
    return added.reshape(count * hop, *channels), windows[-1, hop:].copy()
