"""Short-time Fourier transform and its inverse as matrix products, for every runtime.

A frame of ``n_fft`` samples is transformed in two steps (Cooley and Tukey, "An algorithm for the
machine calculation of complex Fourier series", 1965): with ``n_fft = rows * columns``, sample
``columns * i + j`` and bin ``k + rows * m``, a transform over ``i``, a rotation, and a transform
over ``j``. The matrices are small constants, which no file has to store, and the products are
ordinary ones, which TFLite and ONNX have where they lack a Fourier transform.

Frames overlap by half and are weighted with the square root of a periodic Hann window both ways, so
that the inverse gives back every sample of what the transform took.
"""

import math

import keras
import numpy as np
from keras import ops

from tfaudiogan.layers.rearrangement import check_rank_3


def _check_n_fft(n_fft: int) -> None:
    if not isinstance(n_fft, int) or isinstance(n_fft, bool):
        raise TypeError(f"n_fft is {n_fft!r}; expected an int")
    if n_fft < 16 or n_fft & (n_fft - 1):
        raise ValueError(f"n_fft is {n_fft}; expected a power of two, 16 or more")


def square_root_hann(n_fft: int) -> np.ndarray:
    """Square root of a periodic Hann window, ``(n_fft,)`` float32: half a period of a sine."""
    return np.sin(np.pi * np.arange(n_fft) / n_fft).astype(np.float32)


class _Transform(keras.layers.Layer):
    """The constants that both directions share."""

    def __init__(self, n_fft: int = 2048, **kwargs) -> None:
        # A spectrum in half precision would bury quiet partials in rounding errors.
        super().__init__(**{"dtype": "float32", **kwargs})
        _check_n_fft(n_fft)
        self.n_fft = n_fft
        self.hop = n_fft // 2
        self.bins = n_fft // 2 + 1
        self.rows = 1 << (n_fft.bit_length() - 1) // 2
        self.columns = n_fft // self.rows
        self.row_turns = np.outer(np.arange(self.rows), np.arange(self.rows)) / self.rows
        self.rotation = np.outer(np.arange(self.rows), np.arange(self.columns)) / n_fft
        multiples = np.arange(self.columns // 2 + 1)
        self.column_turns = np.outer(np.arange(self.columns), multiples) / self.columns

    def get_config(self):
        return {**super().get_config(), "n_fft": self.n_fft}


def _cosine(turns: np.ndarray) -> np.ndarray:
    return np.cos(2.0 * np.pi * turns).astype(np.float32)


def _sine(turns: np.ndarray) -> np.ndarray:
    return np.sin(2.0 * np.pi * turns).astype(np.float32)


@keras.saving.register_keras_serializable("tfaudiogan")
class Spectrum1D(_Transform):
    """Short-time Fourier transform of a window, with half a frame of silence on both sides.

    The spectrum is normalized by the window's energy, as in ``audio.spectra``: white noise of
    variance ``v`` has a mean power of ``v`` in every bin.

    Args:
        n_fft: samples of a frame, a power of two; the hop is half of it.

    Input shape: ``(batch, samples, 1)``, a known multiple of ``n_fft // 2`` samples.

    Output shape: real and imaginary parts, each ``(batch, samples // (n_fft // 2) + 1,
    n_fft // 2 + 1)``.

    Raises:
        TypeError: when ``n_fft`` is not an int.
        ValueError: when it is not a power of two, or the samples are not a multiple of the hop.

    Example: with ``n_fft=2048``, 261,120 samples give 256 frames of 1,025 bins.
    """

    def build(self, input_shape) -> None:
        _, samples, channels = check_rank_3(input_shape, "Spectrum1D")
        if channels != 1 or samples is None or samples % self.hop:
            raise ValueError(
                f"the input has the shape {tuple(input_shape)}; expected (batch, samples, 1) with "
                f"a multiple of {self.hop} samples"
            )

    def call(self, inputs):
        frames = inputs.shape[1] // self.hop + 1
        chunks = ops.reshape(inputs, (-1, frames - 1, self.hop))
        chunks = ops.pad(chunks, ((0, 0), (1, 1), (0, 0)))
        # The window's energy is half of its length.
        weights = square_root_hann(self.n_fft) / math.sqrt(self.n_fft / 2)
        framed = ops.concatenate([chunks[:, :-1], chunks[:, 1:]], axis=-1) * weights
        return self._transform(framed)

    def _transform(self, framed):
        frames = framed.shape[1]
        rows, columns = self.rows, self.columns
        grid = ops.reshape(framed, (-1, rows, columns))
        grid = ops.transpose(grid, (0, 2, 1))
        real = ops.transpose(ops.matmul(grid, _cosine(self.row_turns)), (0, 2, 1))
        imaginary = ops.transpose(ops.matmul(grid, -_sine(self.row_turns)), (0, 2, 1))
        cosine, sine = _cosine(self.rotation), -_sine(self.rotation)
        real, imaginary = real * cosine - imaginary * sine, real * sine + imaginary * cosine
        cosine, sine = _cosine(self.column_turns), -_sine(self.column_turns)
        outputs = (
            ops.matmul(real, cosine) - ops.matmul(imaginary, sine),
            ops.matmul(real, sine) + ops.matmul(imaginary, cosine),
        )
        return tuple(
            ops.reshape(ops.transpose(part, (0, 2, 1)), (-1, frames, rows * (columns // 2 + 1)))[
                :, :, : self.bins
            ]
            for part in outputs
        )

    def compute_output_shape(self, input_shape):
        shape = (input_shape[0], input_shape[1] // self.hop + 1, self.bins)
        return shape, shape


@keras.saving.register_keras_serializable("tfaudiogan")
class InverseSpectrum1D(_Transform):
    """The inverse of ``Spectrum1D``: weighted frames, added where they overlap.

    Args:
        n_fft: samples of a frame, a power of two; the hop is half of it.

    Input shape: real and imaginary parts, each ``(batch, frames, n_fft // 2 + 1)``.

    Output shape: ``(batch, (frames - 1) * n_fft // 2, 1)``.

    Raises:
        TypeError: when ``n_fft`` is not an int.
        ValueError: when it is not a power of two.
    """

    def call(self, inputs):
        real, imaginary = inputs
        frames = real.shape[1]
        rows, half = self.rows, self.columns // 2
        # Bins 0 and n_fft / 2 count once, the others stand for their mirror images too.
        counts = np.full(self.bins, 2.0, np.float32)
        counts[0] = counts[-1] = 1.0
        counts /= self.n_fft
        missing = rows * (half + 1) - self.bins
        grids = []
        for part in (real, imaginary):
            part = ops.pad(part * counts, ((0, 0), (0, 0), (0, missing)))
            part = ops.reshape(part, (-1, half + 1, rows))
            grids.append(ops.transpose(part, (0, 2, 1)))
        real, imaginary = grids
        cosine, sine = _cosine(self.column_turns.T), _sine(self.column_turns.T)
        real, imaginary = (
            ops.matmul(real, cosine) - ops.matmul(imaginary, sine),
            ops.matmul(real, sine) + ops.matmul(imaginary, cosine),
        )
        cosine, sine = _cosine(self.rotation), _sine(self.rotation)
        real, imaginary = real * cosine - imaginary * sine, real * sine + imaginary * cosine
        real, imaginary = ops.transpose(real, (0, 2, 1)), ops.transpose(imaginary, (0, 2, 1))
        grid = ops.matmul(real, _cosine(self.row_turns)) - ops.matmul(
            imaginary, _sine(self.row_turns)
        )
        framed = ops.reshape(ops.transpose(grid, (0, 2, 1)), (-1, frames, self.n_fft))
        framed = framed * (square_root_hann(self.n_fft) * math.sqrt(self.n_fft / 2))
        chunks = framed[:, 1:, : self.hop] + framed[:, :-1, self.hop :]
        return ops.reshape(chunks, (-1, (frames - 1) * self.hop, 1))

    def compute_output_shape(self, input_shape):
        batch, frames, _ = input_shape[0]
        return (batch, (frames - 1) * self.hop, 1)
