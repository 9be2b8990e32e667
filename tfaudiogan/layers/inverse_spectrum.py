import keras
import numpy as np
from keras import ops

from tfaudiogan.layers.short_time import ShortTimeTransform, cosine, has_fourier_operators, sine


@keras.saving.register_keras_serializable("tfaudiogan")
class InverseSpectrum1D(ShortTimeTransform):
    """Inverse short-time Fourier transform, the exact inverse of ``Spectrum1D``.

    Args:
        n_fft: samples in a frame, a power of two; the hop is half of it.

    Input shape: real and imaginary parts, each ``(batch, channels, frames, n_fft // 2 + 1)``, with
    a known number of frames.

    Output shape: ``(batch, (frames - 1) * n_fft // 2, channels)``.

    Raises:
        TypeError: if ``n_fft`` is not an int.
        ValueError: if ``n_fft`` is not a power of two.
    """

    def call(self, inputs):
        real, imaginary = inputs
        _, channels, frames, _ = real.shape
        framed = ops.reshape(self._transform(real, imaginary), (-1, frames, self.n_fft))
        framed = framed * (self.window * self.scale)
        chunks = framed[:, 1:, : self.hop] + framed[:, :-1, self.hop :]
        samples = (frames - 1) * self.hop
        if channels == 1:
            return ops.reshape(chunks, (-1, samples, 1))
        if channels is None:
            channels = ops.shape(real)[1]
        return ops.transpose(ops.reshape(chunks, (-1, channels, samples)), (0, 2, 1))

    def _transform(self, real, imaginary):
        if has_fourier_operators():
            return ops.irfft((real, imaginary), self.n_fft)
        rows, half = self.rows, self.columns // 2
        # Bins 0 and n_fft / 2 count once, the others twice, with their complex conjugates.
        counts = np.full(self.bins, 2.0, np.float32)
        counts[0] = counts[-1] = 1.0
        counts /= self.n_fft
        grids = []
        for part in (real, imaginary):
            part = ops.reshape(part * counts, (-1, self.bins))
            part = ops.pad(part, ((0, 0), (0, rows * (half + 1) - self.bins)))
            grids.append(ops.transpose(ops.reshape(part, (-1, half + 1, rows)), (0, 2, 1)))
        real, imaginary = grids
        cos, sin = cosine(self.column_turns.T), sine(self.column_turns.T)
        real, imaginary = (
            ops.matmul(real, cos) - ops.matmul(imaginary, sin),
            ops.matmul(real, sin) + ops.matmul(imaginary, cos),
        )
        cos, sin = cosine(self.rotation), sine(self.rotation)
        real, imaginary = real * cos - imaginary * sin, real * sin + imaginary * cos
        real, imaginary = ops.transpose(real, (0, 2, 1)), ops.transpose(imaginary, (0, 2, 1))
        cos, sin = cosine(self.row_turns), sine(self.row_turns)
        grid = ops.matmul(real, cos) - ops.matmul(imaginary, sin)
        return ops.transpose(grid, (0, 2, 1))

    def compute_output_shape(self, input_shape):
        batch, channels, frames, _ = input_shape[0]
        return (batch, (frames - 1) * self.hop, channels)
