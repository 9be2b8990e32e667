"""Enhances a live stream block by block, with the same result as for the whole signal at once.

A port to another language can follow this file: keep the last window of input, run the model every
hop, cross-fade what it changes with what it changed before (``audio.windows.add_windows``), and add
that to the input.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from tfaudiogan.audio.windows import add_windows, shifted
from tfaudiogan.errors import InputError
from tfaudiogan.inference.load import load_model


class StreamProcessor(Protocol):
    """A processor of streams, whose blocks are ``(samples, channels)``."""

    def feed(self, audio: np.ndarray) -> np.ndarray:
        """Take the next block and return the output that is ready."""

    def flush(self) -> np.ndarray:
        """Return the remaining output."""


def through(processor: StreamProcessor, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Pass ``blocks`` through ``processor`` and yield its output."""
    for block in blocks:
        yield processor.feed(block)
    yield processor.flush()


class StreamingEnhancer:
    """Enhances a stream with a model, at the model's sample rate, in constant memory.

    The stream is cut into overlapping windows, as in ``audio.split_windows``. What the model
    changes is added up as in ``audio.overlap_add``, and then added to the stream, so that windows
    that the model leaves as they are stay so to the last bit. ``flush`` runs the model on the
    stream's last window and returns the rest, so that the output is as long as the input.

    Example: with a window of 4, a hop of 2 and one sample per block, the first three blocks return
    nothing, the fourth returns the first two samples, and ``flush`` returns the last ones.

    Args:
        model: Any model that ``load_model`` accepts: a ``.keras``, ``.tflite`` or ``.onnx`` file, a
            SavedModel folder, a Keras model, or a function on ``(windows, window)``.
        channels: Number of channels in the stream. A model that links channels enhances them
            together, other models enhance each channel independently.
        gain: Factor that scales the stream to the level that the model was trained at
            (``audio.levels``). It is undone on the output.

    Attributes:
        model: Result of ``load_model``, with its ``metadata``.
        latency: Largest number of samples that are fed before a sample is returned: one window.
    """

    def __init__(self, model: Any, channels: int = 1, gain: float = 1.0) -> None:
        if channels < 1:
            raise ValueError(f"channels is {channels}; expected at least 1")
        if not 0 < gain < float("inf"):
            raise ValueError(f"gain is {gain}; expected a factor above 0")
        self.model = load_model(model)
        self.latency = self.model.metadata.window
        self._hop = self.model.metadata.hop
        self._overlap = self.latency - self._hop
        self._channels = channels
        self._gain = np.float32(gain)
        self._reset()

    def _reset(self) -> None:
        # The last window of a stream may start in the window before, which is therefore kept.
        capacity = self._hop + self._overlap + self.model.batch_size * self._hop
        self._pending = np.zeros((capacity, self._channels), np.float32)
        self._filled = self._next = 0
        self._tail: np.ndarray | None = None

    def feed(self, audio: np.ndarray) -> np.ndarray:
        """Take the next block and return the output that is ready, which may be empty.

        Args:
            audio: Floats ``(samples, channels)``, or ``(samples,)`` for a single channel.

        Returns:
            The output in the same form, float32.

        Raises:
            ValueError: If the block has another number of channels.
            InputError: If the model returns NaN or infinity.
        """
        block = audio[:, np.newaxis] if audio.ndim == 1 else audio
        if block.ndim != 2 or block.shape[1] != self._channels:
            raise ValueError(
                f"block has the shape {audio.shape}; expected (samples, {self._channels})"
            )
        enhanced = self._advance(block)
        return enhanced[:, 0] if audio.ndim == 1 else enhanced

    def flush(self) -> np.ndarray:
        """Return the rest, ``(samples, channels)``. The next block starts a new stream."""
        rest = self._pending[self._next : self._filled].copy()
        if len(rest):
            rest += self._last_changes(len(rest)) / self._gain
        self._reset()
        return rest

    def _last_changes(self, samples: int) -> np.ndarray:
        """Return the changes of the last samples of the stream, which are not finished yet."""
        if self._tail is not None and samples == self._overlap:
            return self._tail
        start = max(0, self._filled - self.latency)
        window = np.zeros((1, self.latency, self._channels), np.float32)
        window[0, : self._filled - start] = self._pending[start : self._filled]
        changes = shifted(self._changes(window), self._next - start)
        return np.concatenate(add_windows(changes, self._tail, self._hop))[:samples]

    def _advance(self, block: np.ndarray) -> np.ndarray:
        ready = []
        while len(block):
            batch = self._overlap + self.model.batch_size * self._hop
            part = block[: self._next + batch - self._filled]
            block = block[len(part) :]
            end = self._filled + len(part)
            self._pending[self._filled : end] = part
            self._filled = end
            if end - self._next >= self.latency:
                ready.append(self._run())
        if not ready:
            return np.zeros((0, self._channels), np.float32)
        return ready[0] if len(ready) == 1 else np.concatenate(ready)

    def _run(self) -> np.ndarray:
        """Run the model on all complete windows and return the samples that are finished."""
        hop = self._hop
        count = (self._filled - self._next - self._overlap) // hop
        end = self._next + count * hop
        windows = [self._pending[i : i + self.latency] for i in range(self._next, end, hop)]
        added, self._tail = add_windows(self._changes(np.stack(windows)), self._tail, hop)
        added /= self._gain
        added += self._pending[self._next : end]
        kept = self._pending[end - hop : self._filled].copy()
        self._pending[: len(kept)] = kept
        self._filled, self._next = len(kept), hop
        return added

    def _changes(self, windows: np.ndarray) -> np.ndarray:
        """Return what the model changes of windows, which are brought to its level.

        Raises:
            InputError: If the model returns NaN or infinity.
        """
        windows *= self._gain
        output = self.model(windows.copy())  # A function may work in place.
        if not np.isfinite(output).all():
            raise InputError("the model returned NaN or infinity; use another model")
        return output - windows
