"""The microphone's frequency response, as it faces the source."""

from dataclasses import dataclass

import numpy as np
from scipy import signal

from tfaudiogan.audio.draws import log_uniform, uniform
from tfaudiogan.audio.filters import convolve, zero_phase

BANDS_HZ = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)
_TAPS_S = 0.02


@dataclass(frozen=True)
class Microphone:
    """A low cut, and a gain for each octave: the response and the loss off its axis.

    The gains are joined by straight lines over log frequency, in dB, and held beyond the outermost
    bands; a symmetric FIR filter of 20 ms applies them. The low cut is a Butterworth high-pass run
    forward and backward. Neither moves the signal in time, where a real microphone turns the phase
    near its low cut.

    Args:
        low_cut_hz: the high-pass's -6 dB point, both passes together; 0 is none.
        low_cut_order: order of each pass.
        gains_db: at ``BANDS_HZ``.

    Raises:
        ValueError: when the gains are not as many as the bands.
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
        """Gains between ``-gain_db`` and ``gain_db``; a low cut of order 1 to 3."""
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
        """The equaliser's impulse response, symmetric, of an odd length."""
        count = 2 * round(_TAPS_S * sample_rate / 2) + 1
        hz = np.linspace(0.0, sample_rate / 2, 4097)
        gain_db = np.interp(
            np.log2(np.maximum(hz, BANDS_HZ[0] / 2)), np.log2(BANDS_HZ), self.gains_db
        )
        return signal.firwin2(count, hz, 10.0 ** (gain_db / 20.0), fs=sample_rate)
