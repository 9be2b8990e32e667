"""Frequency response of the loudspeaker or microphone of a phone or another small device."""

from dataclasses import dataclass

import numpy as np

from tfaudiogan.audio.draws import log_uniform, uniform
from tfaudiogan.audio.filters import PHASES, filter_by_gain

_DEEPEST_DB = -60.0


@dataclass(frozen=True)
class PhoneDevice:
    """Apply a low cut, resonances and dips, and a high cut.

    The cuts are Butterworth responses. A resonance of gain g at frequency f with quality q has the
    gain g / (1 + (q (x/f - f/x))^2) at frequency x, in decibels. The sum is limited to -60 dB.

    Args:
        low_cut_hz: -3 dB point of the low cut.
        low_cut_order: order of the low cut, which falls by 6 dB per octave and order.
        resonances: frequency in hertz, quality, and gain in decibels of each resonance.
        high_cut_hz: -3 dB point of the high cut; 0 disables it.
        high_cut_order: order of the high cut.
        phase: ``"minimum"``, as in small loudspeakers, or ``"zero"``.

    Raises:
        ValueError: if the phase is unknown, or a frequency or quality is not positive.
    """

    low_cut_hz: float
    low_cut_order: int
    resonances: tuple[tuple[float, float, float], ...]
    high_cut_hz: float
    high_cut_order: int
    phase: str

    def __post_init__(self) -> None:
        if self.phase not in PHASES:
            raise ValueError(f"phase is {self.phase!r}; expected one of {', '.join(PHASES)}")
        if not self.low_cut_hz > 0:
            raise ValueError(f"low_cut_hz is {self.low_cut_hz}; expected more than 0")
        for resonance in self.resonances:
            if len(resonance) != 3 or not (resonance[0] > 0 and resonance[1] > 0):
                raise ValueError(
                    f"resonance is {resonance}; expected hertz, quality (both positive), decibels"
                )

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        low_cut_hz: tuple[float, float] = (90.0, 450.0),
        gain_db: float = 8.0,
    ) -> "PhoneDevice":
        """Draw 2 to 6 resonances within ``gain_db``, and in half of the draws a high cut."""
        low = log_uniform(rng, low_cut_hz, 1)
        order = int(rng.integers(1, 4))
        resonances = tuple(
            (
                log_uniform(rng, (200.0, 12000.0), 1),
                uniform(rng, (0.7, 4.0), 2),
                uniform(rng, (-gain_db, gain_db), 2),
            )
            for _ in range(int(rng.integers(2, 7)))
        )
        high = log_uniform(rng, (3500.0, 18000.0), 1)
        high_order = int(rng.integers(1, 5))
        high = high if rng.random() < 0.5 else 0.0
        phase = "minimum" if rng.random() < 0.6 else "zero"
        return cls(low, order, resonances, high, high_order, phase)

    def gain_db(self, hz: np.ndarray) -> np.ndarray:
        """Return the gain in decibels at each frequency."""
        hz = np.maximum(hz, 1.0)
        gain = -10.0 * np.log10(1.0 + (self.low_cut_hz / hz) ** (2 * self.low_cut_order))
        for center, quality, peak in self.resonances:
            gain += peak / (1.0 + np.square(quality * (hz / center - center / hz)))
        if self.high_cut_hz:
            gain -= 10.0 * np.log10(1.0 + (hz / self.high_cut_hz) ** (2 * self.high_cut_order))
        return np.maximum(gain, _DEEPEST_DB)

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Filter ``(samples,)``."""
        return filter_by_gain(audio, self.gain_db, sample_rate, self.phase)
