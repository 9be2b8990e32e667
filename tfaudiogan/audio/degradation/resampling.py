"""The recorder's lower sample rate."""

from dataclasses import dataclass

import numpy as np

from tfaudiogan.audio.filters import LowPass
from tfaudiogan.audio.resampling import resample
from tfaudiogan.audio.splines import sample_spline


@dataclass(frozen=True)
class Resampling:
    """To a lower sample rate through a low-pass filter, and back.

    What the filter lets through above half the lower rate folds back, as in a cheap recorder:
    between filter and lower rate the signal is read off a cubic spline, which adds no filter of its
    own to speak of. The way back is the best there is (soxr). A varied filter keeps a network from
    learning the line that one fixed cutoff leaves.

    Args:
        rate_hz: the lower sample rate; where it is not lower than the signal's, nothing happens.
        low_pass: the filter before it.
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
        """Any of the rates; the cutoff as a share of half the rate."""
        rate = int(rng.choice(rates_hz))
        return cls(rate, LowPass.draw(rng, (cutoff[0] * rate / 2, cutoff[1] * rate / 2)))

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Take ``(samples,)`` down and up again."""
        if self.rate_hz >= sample_rate or not len(audio):
            return audio.astype(np.float32)
        step = sample_rate / self.rate_hz
        low = self.low_pass(audio, sample_rate)
        low = sample_spline(low, step, int((len(audio) - 1) / step) + 1)
        high = resample(low, self.rate_hz, sample_rate)[: len(audio)]
        return np.pad(high, (0, len(audio) - len(high)))
