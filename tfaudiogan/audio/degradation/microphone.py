"""Frequency response of a microphone."""

from dataclasses import dataclass

import numpy as np
from scipy import signal

from tfaudiogan.audio.draws import log_uniform, uniform
from tfaudiogan.audio.filters import convolve, zero_phase

BANDS_HZ = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)
_TAPS_S = 0.02


@dataclass(frozen=True)
class Microphone:
    """Apply a low cut and a gain for each octave, which includes the loss off the axis.

    The gains in dB are interpolated linearly over log frequency, held constant beyond the outermost
    bands, and applied by a symmetric FIR filter of 20 ms. The low cut is a Butterworth high-pass
    filter that runs forward and backward. Both have zero phase, unlike a real microphone near its
    low cut.

    Args:
        low_cut_hz: -6 dB point of the high-pass filter after both passes; 0 disables it.
        low_cut_order: order of each pass.
        gains_db: gains at ``BANDS_HZ``.

    Raises:
        ValueError: if the number of gains is not that of the bands.
    """

    low_cut_hz: float
    low_cut_order: int
    gains_db: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.gains_db) != len(BANDS_HZ):
            raise ValueError(f"gains_db has {len(self.gains_db)} gains; expected {len(BANDS_HZ)}")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        low_cut_hz: tuple[float, float],
        gain_db: float,
    ) -> "Microphone":
        """Draw gains between ``-gain_db`` and ``gain_db``, and a low cut of order 1 to 3."""
        return cls(
            log_uniform(rng, low_cut_hz, 1),
            int(rng.integers(1, 4)),
            tuple(uniform(rng, (-gain_db, gain_db), 2) for _ in BANDS_HZ),
        )

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Filter ``(samples,)``."""
        audio = convolve(audio, self.taps(sample_rate))
        if not 0 < self.low_cut_hz < sample_rate / 2:
            return audio
        sections = signal.butter(
            self.low_cut_order, self.low_cut_hz, "highpass", fs=sample_rate, output="sos"
        )
        return zero_phase(sections, audio)

    def taps(self, sample_rate: int) -> np.ndarray:
        """Return the equalizer's impulse response, which is symmetric and of odd length."""
        count = 2 * round(_TAPS_S * sample_rate / 2) + 1
        hz = np.linspace(0.0, sample_rate / 2, 4097)
        gain_db = np.interp(
            np.log2(np.maximum(hz, BANDS_HZ[0] / 2)), np.log2(BANDS_HZ), self.gains_db
        )
        return signal.firwin2(count, hz, 10.0 ** (gain_db / 20.0), fs=sample_rate)
