import keras
from keras import ops

from tfaudiogan.layers.short_time import ShortTimeTransform, cosine, has_fourier_operators, sine


@keras.saving.register_keras_serializable("tfaudiogan")
class Spectrum1D(ShortTimeTransform):
    """Short-time Fourier transform of every channel, with half a frame of silence on both sides.

    The spectrum is normalized by the window's energy, as in ``audio.spectra``: white noise of
    variance ``v`` has a mean power of ``v`` in every bin.

    Args:
        n_fft: samples in a frame, a power of two; the hop is half of it.

    Input shape: ``(batch, samples, channels)``. The number of samples must be known and a multiple
    of ``n_fft // 2``; the number of channels may be unknown.

    Output shape: real and imaginary parts, each ``(batch, channels, samples // (n_fft // 2) + 1,
    n_fft // 2 + 1)``.

    Raises:
        TypeError: if ``n_fft`` is not an int.
        ValueError: if ``n_fft`` is not a power of two, or the number of samples is not a multiple
            of the hop.

    Example: with ``n_fft=2048``, 261,120 samples give 256 frames of 1,025 bins.
    """

    def build(self, input_shape) -> None:
        if len(input_shape) != 3 or not input_shape[1] or input_shape[1] % self.hop:
            raise ValueError(
                f"the input has the shape {tuple(input_shape)}; expected (batch, samples, "
                f"channels) with a multiple of {self.hop} samples"
            )
        self.built = True

    def call(self, inputs):
        _, samples, channels = inputs.shape
        chunks = inputs if channels == 1 else ops.transpose(inputs, (0, 2, 1))
        chunks = ops.reshape(chunks, (-1, samples // self.hop, self.hop))
        chunks = ops.pad(chunks, ((0, 0), (1, 1), (0, 0)))
        weights = self.window / self.scale
        framed = ops.concatenate([chunks[:, :-1], chunks[:, 1:]], axis=-1) * weights
        shape = (-1, channels, samples // self.hop + 1, self.bins)
        if channels is None:
            shape = (ops.shape(inputs)[0], ops.shape(inputs)[2], *shape[2:])
        return tuple(ops.reshape(part, shape) for part in self._transform(framed))

    def _transform(self, framed):
        if has_fourier_operators():
            return ops.rfft(framed)
        rows, columns = self.rows, self.columns
        grid = ops.transpose(ops.reshape(framed, (-1, rows, columns)), (0, 2, 1))
        real = ops.transpose(ops.matmul(grid, cosine(self.row_turns)), (0, 2, 1))
        imaginary = ops.transpose(ops.matmul(grid, -sine(self.row_turns)), (0, 2, 1))
        cos, sin = cosine(self.rotation), -sine(self.rotation)
        real, imaginary = real * cos - imaginary * sin, real * sin + imaginary * cos
        cos, sin = cosine(self.column_turns), -sine(self.column_turns)
        outputs = (
            ops.matmul(real, cos) - ops.matmul(imaginary, sin),
            ops.matmul(real, sin) + ops.matmul(imaginary, cos),
        )
        bins = rows * (columns // 2 + 1)
        flat = (ops.reshape(ops.transpose(part, (0, 2, 1)), (-1, bins)) for part in outputs)
        return tuple(part[:, : self.bins] for part in flat)

    def compute_output_shape(self, input_shape):
        batch, samples, channels = input_shape
        shape = (batch, channels, samples // self.hop + 1, self.bins)
        return shape, shape
