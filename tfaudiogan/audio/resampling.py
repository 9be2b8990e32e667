"""Change a signal's sample rate piece by piece, in constant memory."""

import numpy as np
import soxr


class Resampler:
    """Band-limited resampling of a stream (libsoxr, "very high quality", linear phase).

    ``feed`` takes consecutive pieces of any length and returns the samples that are ready;
    ``flush`` returns the remaining ones. ``n`` samples become
    ``ceil(n * target_rate / source_rate)`` without delay, so a round trip never loses a sample.

    Args:
        source_rate: sample rate of the input, in hertz.
        target_rate: sample rate of the output, in hertz. If the rates are equal, pieces pass
            through unchanged.
        channels: number of channels of the pieces, ``(samples, channels)`` float32.

    Raises:
        ValueError: if a rate is not positive.
    """

    def __init__(self, source_rate: int, target_rate: int, channels: int) -> None:
        for name, rate in (("source_rate", source_rate), ("target_rate", target_rate)):
            if rate <= 0:
                raise ValueError(f"{name} is {rate} Hz; expected more than 0")
        self._rates = (source_rate, target_rate)
        self._channels = channels
        self._stream = None
        if source_rate != target_rate:
            self._stream = soxr.ResampleStream(source_rate, target_rate, channels, quality="VHQ")
        self._fed = self._returned = 0

    def feed(self, audio: np.ndarray) -> np.ndarray:
        """Resample the next piece, ``(samples, channels)``, and return what is ready."""
        if self._stream is None:
            return audio
        self._fed += len(audio)
        ready = self._stream.resample_chunk(np.ascontiguousarray(audio, np.float32))
        self._returned += len(ready)
        return ready

    def flush(self) -> np.ndarray:
        """Return the remaining ``(samples, channels)``; the next piece starts a new signal."""
        if self._stream is None:
            return np.zeros((0, self._channels), np.float32)
        source_rate, target_rate = self._rates
        total = -(-self._fed * target_rate // source_rate)
        silence = np.zeros((source_rate // target_rate + 2, self._channels), np.float32)
        remaining = self._stream.resample_chunk(silence, last=True)[: total - self._returned]
        self._stream.clear()
        self._fed = self._returned = 0
        return remaining


def resample(audio: np.ndarray, source_rate: int, target_rate: int) -> np.ndarray:
    """Resample a whole signal, ``(samples,)`` or ``(samples, channels)`` float32.

    Example: 3 samples at 44100 Hz become 4 at 48000 Hz.
    """
    stacked = audio[:, np.newaxis] if audio.ndim == 1 else audio
    resampler = Resampler(source_rate, target_rate, stacked.shape[1])
    whole = np.concatenate([resampler.feed(stacked), resampler.flush()])
    return whole[:, 0] if audio.ndim == 1 else whole
