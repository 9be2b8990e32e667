"""The common part of the short-time Fourier transform and its inverse.

A frame of ``n_fft`` samples is transformed in two steps (Cooley and Tukey, "An algorithm for the
machine calculation of complex Fourier series", 1965): with ``n_fft = rows * columns``, sample
``columns * i + j`` and bin ``k + rows * m``, these are a transform over ``i``, a rotation, and a
transform over ``j``. The transforms are matrix products, which TFLite and ONNX support where they
lack a Fourier transform. Within ``fourier_operators`` or ``cpu.fused.fusing`` the layers use
TensorFlow's Fourier transform, which is several times faster and needs no matrices.

Frames overlap by half and are weighted with the square root of a periodic Hann window in both
directions, so that the inverse reconstructs every sample.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import keras
import numpy as np

from tfaudiogan.layers.cpu.fused import is_fusing

_enabled: ContextVar[bool] = ContextVar("enabled", default=False)


@contextmanager
def fourier_operators() -> Iterator[None]:
    """Allow layers that are called in this context to use TensorFlow's Fourier transform."""
    token = _enabled.set(True)
    try:
        yield
    finally:
        _enabled.reset(token)


def has_fourier_operators() -> bool:
    """Whether the layers may use a Fourier transform, which TFLite and ONNX lack."""
    return is_fusing() or (_enabled.get() and keras.backend.backend() == "tensorflow")


class ShortTimeTransform(keras.layers.Layer):
    """Base class that holds the frame size and the constants of both directions, without weights.

    The layers compute in float32, whatever the global dtype policy is, since quiet partials of a
    spectrum in half precision would be lost in rounding errors.
    """

    def __init__(self, n_fft: int = 2048, **kwargs) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        if not isinstance(n_fft, int) or isinstance(n_fft, bool):
            raise TypeError(f"n_fft is {n_fft!r}; expected an int")
        if n_fft < 16 or n_fft & (n_fft - 1):
            raise ValueError(f"n_fft is {n_fft}; expected a power of two, 16 or more")
        self.n_fft = n_fft
        self.hop = n_fft // 2
        self.bins = n_fft // 2 + 1
        self.rows = 1 << (n_fft.bit_length() - 1) // 2
        self.columns = n_fft // self.rows
        rows, half = np.arange(self.rows), self.columns // 2
        self.row_turns = np.outer(rows, rows) / self.rows
        self.rotation = np.outer(rows, np.arange(self.columns)) / n_fft
        self.column_turns = np.outer(np.arange(self.columns), np.arange(half + 1)) / self.columns
        # The window's energy is half of its length.
        self.window = square_root_hann(n_fft)
        self.scale = math.sqrt(n_fft / 2)

    def get_config(self):
        return {**super().get_config(), "n_fft": self.n_fft}


def square_root_hann(n_fft: int) -> np.ndarray:
    """Return the square root of a periodic Hann window, ``(n_fft,)`` float32: half a sine."""
    return np.sin(np.pi * np.arange(n_fft) / n_fft).astype(np.float32)


def cosine(turns: np.ndarray) -> np.ndarray:
    """Return the cosine of an angle in turns, float32."""
    return np.cos(2.0 * np.pi * turns).astype(np.float32)


def sine(turns: np.ndarray) -> np.ndarray:
    """Return the sine of an angle in turns, float32."""
    return np.sin(2.0 * np.pi * turns).astype(np.float32)
