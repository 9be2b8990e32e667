"""A model over a stream: blocks of any size in, blocks out, the same result as all at once.

This file is what a port to another language has to do, in NumPy: keep the last window of input,
run the model every hop, and fade what it gives into what it gave before
(``audio.windows.add_windows``).
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from tfaudiogan.audio.windows import add_windows
from tfaudiogan.errors import InputError
from tfaudiogan.inference.load import load_model


class StreamProcessor(Protocol):
    """Something that a stream of ``(samples, channels)`` passes through."""

    def feed(self, audio: np.ndarray) -> np.ndarray:
        """Take the next block, give what is ready."""

    def flush(self) -> np.ndarray:
        """Give what is left."""


def through(processor: StreamProcessor, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield what ``processor`` makes of ``blocks``."""
    for block in blocks:
        yield processor.feed(block)
    yield processor.flush()


class StreamingEnhancer:
    """Enhances a stream with a model, at the model's sample rate, in constant memory.

    Signals are cut into windows that overlap, as ``audio.split_windows`` does, with as much silence
    before and after; the model's output is added up as ``audio.overlap_add`` does. ``flush`` gives
    the rest, after which as many samples came back as were fed.

    Example: with a window of 4 and a hop of 2, feeding samples one by one gives nothing for the
    first three, then the first two; after ``flush`` all are back.

    Args:
        model: anything that ``load_model`` takes: a ``.keras``, ``.tflite`` or ``.onnx`` file, a
            SavedModel folder, a Keras model, a function on ``(windows, window)``.
        channels: of the stream; enhanced alike by a model that links them, else each for itself.
        gain: factor that brings the stream to the level that the model was trained at
            (``audio.levels``); undone on the output.

    Attributes:
        model: as ``load_model`` made it, with its ``metadata``.
        latency: a sample comes back before this many more have been fed: one window.
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
        capacity = self._overlap + self.model.windows_at_once * self._hop
        self._pending = np.zeros((capacity, self._channels), np.float32)
        self._filled = self._padding = self._overlap
        self._tail = np.zeros((self._overlap, self._channels), np.float32)
        self._fed = self._given = 0

    def feed(self, audio: np.ndarray) -> np.ndarray:
        """Take the next block and give what is ready, often nothing.

        Args:
            audio: ``(samples, channels)`` floats, or ``(samples,)`` where there is one channel.

        Returns:
            The same form, float32.

        Raises:
            ValueError: when the block has another number of channels.
            InputError: when the model gives NaN or infinity.
        """
        block = audio[:, np.newaxis] if audio.ndim == 1 else audio
        if block.ndim != 2 or block.shape[1] != self._channels:
            raise ValueError(
                f"block has the shape {audio.shape}; expected (samples, {self._channels})"
            )
        enhanced = self._advance(block)
        return enhanced[:, 0] if audio.ndim == 1 else enhanced

    def flush(self) -> np.ndarray:
        """Give what is left, ``(samples, channels)``; the next block starts a new stream."""
        missing = self._fed - self._given
        silence = self._overlap + -(self._fed + self._overlap) % self._hop if missing else 0
        rest = self._advance(np.zeros((silence, self._channels), np.float32))[:missing]
        self._reset()
        return rest

    def _advance(self, block: np.ndarray) -> np.ndarray:
        self._fed += len(block)
        ready = []
        while len(block):
            part = block[: len(self._pending) - self._filled]
            block = block[len(part) :]
            end = self._filled + len(part)
            np.multiply(part, self._gain, out=self._pending[self._filled : end])
            self._filled = end
            if end >= self.latency:
                ready.append(self._run())
        if not ready:
            return np.zeros((0, self._channels), np.float32)
        return ready[0] if len(ready) == 1 else np.concatenate(ready)

    def _run(self) -> np.ndarray:
        """Run the model on all windows that are there."""
        hop = self._hop
        count = (self._filled - self._overlap) // hop
        starts = range(0, count * hop, hop)
        output = self.model(np.stack([self._pending[i : i + self.latency] for i in starts]))
        if not np.isfinite(output).all():
            raise InputError("the model gave NaN or infinity; use another of its checkpoints")
        added, self._tail = add_windows(output, self._tail)
        rest = self._pending[count * hop : self._filled]
        self._pending[: len(rest)] = rest
        self._filled = len(rest)
        ready = added[self._padding :]
        ready /= self._gain
        self._padding = max(0, self._padding - count * hop)
        self._given += len(ready)
        return ready
