"""Change a signal's sample rate piece by piece, in constant memory."""

import numpy as np
import soxr


class Resampler:
    """Band-limited resampling of a stream (libsoxr, "very high quality", linear phase).

    ``feed`` takes consecutive pieces of any length and gives what is ready, ``flush`` gives the
    rest. ``n`` samples become ``ceil(n * target_rate / source_rate)`` without delay, so going there
    and back never loses a sample.

    Args:
        source_rate: samples a second of what is fed, in hertz.
        target_rate: samples a second of what comes back, in hertz; where it is the same, pieces
            pass through as they are.
        channels: of the pieces, ``(samples, channels)`` float32.
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
        self._fed = self._given = 0

    def feed(self, audio: np.ndarray) -> np.ndarray:
        """Take the next piece, ``(samples, channels)``, and give what is ready."""
        if self._stream is None:
            return audio
        self._fed += len(audio)
        ready = self._stream.resample_chunk(np.ascontiguousarray(audio, np.float32))
        self._given += len(ready)
        return ready

    def flush(self) -> np.ndarray:
        """Give what is left, ``(samples, channels)``; the next piece starts a new signal."""
        if self._stream is None:
            return np.zeros((0, self._channels), np.float32)
        source_rate, target_rate = self._rates
        total = -(-self._fed * target_rate // source_rate)
        silence = np.zeros((source_rate // target_rate + 2, self._channels), np.float32)
        rest = self._stream.resample_chunk(silence, last=True)[: total - self._given]
        self._stream.clear()
        self._fed = self._given = 0
        return rest


def resample(audio: np.ndarray, source_rate: int, target_rate: int) -> np.ndarray:
    """Resample a whole signal, ``(samples,)`` or ``(samples, channels)`` float32.

    Example: 3 samples at 44100 Hz become 4 at 48000 Hz.
    """
    stacked = audio[:, np.newaxis] if audio.ndim == 1 else audio
    resampler = Resampler(source_rate, target_rate, stacked.shape[1])
    whole = np.concatenate([resampler.feed(stacked), resampler.flush()])
    return whole[:, 0] if audio.ndim == 1 else whole
