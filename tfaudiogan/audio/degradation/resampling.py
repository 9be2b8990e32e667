"""A recorder with a lower sample rate."""

from dataclasses import dataclass

import numpy as np

from tfaudiogan.audio.filters import LowPass
from tfaudiogan.audio.resampling import resample
from tfaudiogan.audio.splines import sample_spline


@dataclass(frozen=True)
class Resampling:
    """Resample to a lower sample rate after a low-pass filter, and back.

    What the low-pass filter passes above half the lower rate aliases, as in a cheap recorder: the
    signal is downsampled by a cubic spline, which hardly filters at all. It is upsampled by soxr at
    its highest quality. A random filter keeps a network from learning the edge of a fixed cutoff.

    Args:
        rate_hz: the lower sample rate; if it is not below the signal's rate, nothing changes.
        low_pass: the filter before the downsampling.

    Raises:
        ValueError: if the rate is below 1.
    """

    rate_hz: int
    low_pass: LowPass

    def __post_init__(self) -> None:
        if self.rate_hz < 1:
            raise ValueError(f"rate_hz is {self.rate_hz}; expected 1 or more")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        rates_hz: tuple[int, ...],
        cutoff: tuple[float, float] = (0.7, 1.0),
    ) -> "Resampling":
        """Draw any of the rates, and a cutoff, whose range is in shares of half the rate."""
        rate = int(rng.choice(rates_hz))
        return cls(rate, LowPass.draw(rng, (cutoff[0] * rate / 2, cutoff[1] * rate / 2)))

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Resample ``(samples,)`` down and up again."""
        if self.rate_hz >= sample_rate or not len(audio):
            return audio.astype(np.float32)
        step = sample_rate / self.rate_hz
        low = self.low_pass(audio, sample_rate)
        low = sample_spline(low, step, int((len(audio) - 1) / step) + 1)
        high = resample(low, self.rate_hz, sample_rate)[: len(audio)]
        return np.pad(high, (0, len(audio) - len(high)))
