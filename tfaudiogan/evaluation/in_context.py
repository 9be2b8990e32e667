"""Models run by overlap-add: over a whole signal, or for one piece of a track alone."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfaudiogan.audio.windows import add_windows, check_window, overlap_add, split_windows
from tfaudiogan.corpus.manifest import Pair
from tfaudiogan.corpus.reading import Corpus

ModelFunction = Callable[[np.ndarray], np.ndarray]


def run_windows(model_fn: ModelFunction, windows: np.ndarray) -> np.ndarray:
    """What a model makes of ``(n, window)``, float32.

    Raises:
        ValueError: when its output has another shape.
    """
    generated = np.asarray(model_fn(windows), np.float32)
    if generated.shape != windows.shape:
        raise ValueError(f"the model made {generated.shape} of {windows.shape}; expected the same")
    return generated


def reconstruct(
    model_fn: ModelFunction, audio: np.ndarray, window: int, batch: int = 16
) -> np.ndarray:
    """Run a model over a whole signal by overlap-add (section III-B), ``batch`` windows at once.

    Args:
        audio: ``(samples,)`` at the common level.

    Returns:
        ``(samples,)`` float32.
    """
    windows = split_windows(audio, window)
    for start in range(0, len(windows), batch):
        windows[start : start + batch] = run_windows(model_fn, windows[start : start + batch])
    return overlap_add(windows, len(audio))


def reader(corpus: Corpus, pair: Pair) -> Callable[[int, int], np.ndarray]:
    """A function that gives the pair's input from a first to before a last sample."""

    def read(first: int, last: int) -> np.ndarray:
        return corpus.read(pair, first, last)[0]

    return read


@dataclass(frozen=True)
class InContext:
    """A model that hears what surrounds a piece, through windows of its own.

    A piece is cut from the overlap-add over its whole track, so that models of different windows
    can be scored over the same pieces.

    Args:
        model: from ``(n, window)`` to ``(n, window)``.
        window: samples of the model's own window.

    Raises:
        ValueError: for a window that is not an even number of at least 2.
    """

    model: ModelFunction
    window: int

    def __post_init__(self) -> None:
        check_window(self.window)

    def piece(
        self,
        read: Callable[[int, int], np.ndarray],
        samples: int,
        start: int,
        stop: int,
        *,
        batch: int = 16,
        known: dict[int, np.ndarray] | None = None,
    ) -> np.ndarray:
        """Samples ``start`` to ``stop`` of ``reconstruct`` over the whole track.

        Args:
            read: gives the track's samples from a first to before a last one, as ``reader`` does.
            samples: of the whole track.
            start, stop: the piece within it.
            batch: windows at once.
            known: the model's windows of the piece before, by their place, for pieces of one track
                in their order; those of this piece replace them.

        Returns:
            ``(stop - start,)`` float32.
        """
        half = self.window // 2
        known = {} if known is None else known
        places = range(start // half - 1, (stop - 1) // half + 1)
        missing = [place for place in places if place not in known]
        made = {place: known[place] for place in places if place in known}
        if missing:
            first, last = missing[0] * half, missing[-1] * half + self.window
            audio = np.zeros(last - first, np.float32)
            heard = max(first, 0), min(last, samples)
            audio[heard[0] - first : heard[1] - first] = read(*heard)
            cut = np.stack([audio[p * half - first :][: self.window] for p in missing])
            for begin in range(0, len(cut), batch):
                output = run_windows(self.model, cut[begin : begin + batch])
                made.update(zip(missing[begin : begin + batch], output, strict=True))
        known.clear()
        known.update(made)
        windows = np.stack([made[place] for place in places])
        added, _ = add_windows(windows, np.zeros(half, np.float32))
        begin = start - places[0] * half
        return added[begin : begin + stop - start]
