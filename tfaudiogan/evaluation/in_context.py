"""Runs models by overlap-add over a whole signal or for a single piece of a track."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfaudiogan.audio.windows import (
    add_windows,
    check_hop,
    first_samples,
    overlap_add,
    shifted,
    split_windows,
)
from tfaudiogan.corpus.manifest import Pair
from tfaudiogan.corpus.reading import Corpus

ModelFunction = Callable[[np.ndarray], np.ndarray]


def run_windows(model_fn: ModelFunction, windows: np.ndarray) -> np.ndarray:
    """Run a model on windows ``(n, window)`` and return its float32 output.

    Raises:
        ValueError: If the output has another shape.
    """
    generated = np.asarray(model_fn(windows), np.float32)
    if generated.shape != windows.shape:
        raise ValueError(
            f"the model returned the shape {generated.shape}; expected {windows.shape}"
        )
    return generated


def reconstruct(
    model_fn: ModelFunction,
    audio: np.ndarray,
    window: int,
    batch: int = 16,
    hop: int | None = None,
) -> np.ndarray:
    """Run a model over a whole signal by overlap-add (section III-B).

    Args:
        model_fn: Model to run.
        audio: Signal ``(samples,)`` at the common level.
        window: Number of samples in a window.
        batch: Number of windows in a batch.
        hop: Number of samples from one window to the next; half of a window by default.

    Returns:
        The output, ``(samples,)`` float32.
    """
    windows = split_windows(audio, window, hop)
    for start in range(0, len(windows), batch):
        windows[start : start + batch] = run_windows(model_fn, windows[start : start + batch])
    return overlap_add(windows, len(audio), hop)


def reader(corpus: Corpus, pair: Pair) -> Callable[[int, int], np.ndarray]:
    """Return a function that reads the samples from ``first`` to ``last - 1`` of a pair's input."""

    def read(first: int, last: int) -> np.ndarray:
        return corpus.read(pair, first, last)[0]

    return read


@dataclass(frozen=True)
class InContext:
    """A model that enhances a piece of a track together with its surroundings.

    A piece is cut from the overlap-add over its whole track, so that models with different windows
    can be scored on the same pieces.

    Args:
        model: Model from ``(n, window)`` to the same shape.
        window: Number of samples in the model's window.
        hop: Number of samples from one window to the next; half of a window by default.

    Raises:
        ValueError: If ``window`` is not an even number of at least 2, or ``hop`` does not fit it.
    """

    model: ModelFunction
    window: int
    hop: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "hop", check_hop(self.window, self.hop))

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
        """Return samples ``start`` to ``stop`` of ``reconstruct`` over the whole track.

        Args:
            read: Function that reads samples of the track, such as that of ``reader``.
            samples: Number of samples in the whole track.
            start, stop: First sample of the piece, and the one after its last.
            batch: Number of windows in a batch.
            known: Cache of the model's output windows by position, which saves time if the pieces
                of a track are given in order. It is updated to the windows of this piece.

        Returns:
            The piece, ``(stop - start,)`` float32.
        """
        hop = check_hop(self.window, self.hop)
        begins = first_samples(samples, self.window, hop)
        known = {} if known is None else known
        last_place = len(begins) - 1
        first_place = min(start // hop, last_place)
        if first_place and start - first_place * hop < self.window - hop:
            first_place -= 1  # The window before is still fading out.
        places = range(first_place, min((stop - 1) // hop, last_place) + 1)
        missing = [place for place in places if place not in known]
        outputs = {place: known[place] for place in places if place in known}
        if missing:
            first = int(begins[missing[0]])
            audio = np.zeros(begins[missing[-1]] + self.window - first, np.float32)
            end = min(first + len(audio), samples)
            audio[: end - first] = read(first, end)
            cut = np.stack([audio[begins[place] - first :][: self.window] for place in missing])
            for begin in range(0, len(cut), batch):
                output = run_windows(self.model, cut[begin : begin + batch])
                outputs.update(zip(missing[begin : begin + batch], output, strict=True))
        known.clear()
        known.update(outputs)
        windows = np.stack([outputs[place] for place in places])
        late = places[-1] * hop - begins[places[-1]]
        windows[-1:] = shifted(windows[-1:], late)
        added = np.concatenate(add_windows(windows, hop=hop))
        begin = start - places[0] * hop
        return added[begin : begin + stop - start]
