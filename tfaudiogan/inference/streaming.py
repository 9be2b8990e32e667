"""A model over a stream: blocks of any size in, blocks out, the same result as all at once.

This file is what a port to another language has to do, in NumPy: keep the last window of input,
run the model every half window, fade what it gives with a periodic Hann window, and add halves
(``audio.windows.add_halves``).
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from tfaudiogan.audio.windows import add_halves
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

    Signals are cut into windows that overlap by half, as ``audio.split_windows`` does, with half a
    window of silence before and after; the model's output is added up as ``audio.overlap_add``
    does. ``flush`` gives the rest, after which as many samples came back as were fed.

    Example: with a window of 4, feeding samples one by one gives nothing for the first three, then
    the first two; after ``flush`` all are back.

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
        self._half = self.model.metadata.hop
        self._channels = channels
        self._gain = np.float32(gain)
        self._reset()

    def _reset(self) -> None:
        self._pending = np.zeros((self._channels, self._half), np.float32)
        self._tail = np.zeros((self._channels, self._half), np.float32)
        self._padding = self._half
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
        step = self.model.windows_at_once * self._half
        ready = [self._advance(block[i : i + step]) for i in range(0, len(block), step)]
        enhanced = np.concatenate(ready) if ready else np.zeros((0, self._channels), np.float32)
        return enhanced[:, 0] if audio.ndim == 1 else enhanced

    def flush(self) -> np.ndarray:
        """Give what is left, ``(samples, channels)``; the next block starts a new stream."""
        missing = self._fed - self._given
        silence = self._half + -self._fed % self._half if missing else 0
        rest = self._advance(np.zeros((silence, self._channels), np.float32))[:missing]
        self._reset()
        return rest

    def _advance(self, block: np.ndarray) -> np.ndarray:
        self._fed += len(block)
        self._pending = np.concatenate([self._pending, block.T * self._gain], axis=1)
        half, channels = self._half, self._channels
        count = self._pending.shape[1] // half - 1
        if count < 1:
            return np.zeros((0, channels), np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(self._pending, 2 * half, axis=1)
        windows = np.ascontiguousarray(windows[:, : count * half : half], np.float32)
        # Channels last, so that a model that links them sees them together.
        output = np.moveaxis(self.model(np.moveaxis(windows, 0, -1)), -1, 0)
        if not np.isfinite(output).all():
            raise InputError("the model gave NaN or infinity; use another of its checkpoints")
        added, self._tail = add_halves(output, self._tail)
        self._pending = self._pending[:, count * half :]
        ready = added.T[self._padding :] / self._gain
        self._padding = max(0, self._padding - count * half)
        self._given += len(ready)
        return ready
