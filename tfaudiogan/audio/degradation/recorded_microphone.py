"""A microphone as it was measured."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfaudiogan.audio.degradation.recordings import Recording, read_response
from tfaudiogan.audio.draws import uniform
from tfaudiogan.audio.filters import convolve, filter_by_gain, response_frequencies

PHASES = ("recorded", "minimum", "zero")
_SHARES = (0.5, 0.35, 0.15)
_SMALLEST_GAIN = 1e-5


@dataclass(frozen=True)
class RecordedMicrophone:
    """A recorded impulse response at unit energy, its direct sound at time 0.

    Args:
        path: of an audio file that holds the response.
        sha256: of its bytes.
        phase: ``"recorded"`` leaves the response as it is; ``"minimum"`` and ``"zero"`` keep its
            magnitude alone, and give it that phase.
        strength: factor of the magnitude in decibels: 0.5 is a microphone half as colored. 1 where
            the phase is the recorded one.

    Raises:
        ValueError: for an unknown phase, or a strength that can't be had with it.
    """

    path: str
    sha256: str
    phase: str = "recorded"
    strength: float = 1.0

    def __post_init__(self) -> None:
        if self.phase not in PHASES:
            raise ValueError(f"phase is {self.phase!r}; expected one of {', '.join(PHASES)}")
        if self.phase == "recorded" and self.strength != 1.0:
            raise ValueError(f"strength is {self.strength}; expected 1 for the recorded phase")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        recordings: Sequence[Recording],
        strength: tuple[float, float] = (0.6, 1.2),
    ) -> "RecordedMicrophone":
        """Any of the recordings: half of them as they are, most others in minimum phase."""
        recording = recordings[int(rng.integers(len(recordings)))]
        phase = str(rng.choice(PHASES, p=_SHARES))
        drawn = uniform(rng, strength)
        return cls(recording.path, recording.sha256, phase, 1.0 if phase == "recorded" else drawn)

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Filter ``(samples,)``."""
        response, direct = read_response(self.path, self.sha256, sample_rate)
        response = response / np.sqrt(np.square(response).sum())
        if self.phase == "recorded":
            return convolve(audio, response, direct)
        # As many points as the filter has: a long response is folded, not cut, which keeps bands.
        points = 2 * (len(response_frequencies(sample_rate)) - 1)
        size = -(-len(response) // points) * points
        power = np.square(np.abs(np.fft.rfft(response, size)))[:: size // points]
        gain_db = 10.0 * np.log10(np.maximum(power, _SMALLEST_GAIN**2))
        return filter_by_gain(audio, lambda _: self.strength * gain_db, sample_rate, self.phase)
