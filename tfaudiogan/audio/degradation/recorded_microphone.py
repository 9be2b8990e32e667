"""A microphone given by its measured impulse response."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfaudiogan.audio.degradation.recordings import Recording, read_response
from tfaudiogan.audio.draws import uniform
from tfaudiogan.audio.filters import convolve, filter_by_gain, response_frequencies

RECORDED_PHASES = ("recorded", "minimum", "zero")
_SHARES = (0.5, 0.35, 0.15)
_SMALLEST_GAIN = 1e-5


@dataclass(frozen=True)
class RecordedMicrophone:
    """Apply a recorded impulse response of unit energy, with its direct sound at time 0.

    Args:
        path: audio file with the response.
        sha256: checksum of that file.
        phase: ``"recorded"`` applies the response unchanged; ``"minimum"`` and ``"zero"`` apply its
            magnitude with that phase.
        strength: factor of the magnitude in decibels: 0.5 halves the coloration. It must be 1 for
            the recorded phase.

    Raises:
        ValueError: if the phase is unknown, or does not allow that strength.
    """

    path: str
    sha256: str
    phase: str = "recorded"
    strength: float = 1.0

    def __post_init__(self) -> None:
        if self.phase not in RECORDED_PHASES:
            raise ValueError(
                f"phase is {self.phase!r}; expected one of {', '.join(RECORDED_PHASES)}"
            )
        if self.phase == "recorded" and self.strength != 1.0:
            raise ValueError(f"strength is {self.strength}; expected 1 for the recorded phase")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        recordings: Sequence[Recording],
        strength: tuple[float, float] = (0.6, 1.2),
    ) -> "RecordedMicrophone":
        """Draw any of the recordings: half of them unchanged, most others in minimum phase."""
        recording = recordings[int(rng.integers(len(recordings)))]
        phase = str(rng.choice(RECORDED_PHASES, p=_SHARES))
        drawn_strength = uniform(rng, strength)
        if phase == "recorded":
            drawn_strength = 1.0
        return cls(recording.path, recording.sha256, phase, drawn_strength)

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Filter ``(samples,)``."""
        response, direct = read_response(self.path, self.sha256, sample_rate)
        response = response / np.sqrt(np.square(response).sum())
        if self.phase == "recorded":
            return convolve(audio, response, direct)
        # The spectrum needs as many points as the filter. Taking every n-th bin of a longer FFT
        # folds a long response instead of truncating it, which keeps the power of the bands.
        points = 2 * (len(response_frequencies(sample_rate)) - 1)
        size = -(-len(response) // points) * points
        power = np.square(np.abs(np.fft.rfft(response, size)))[:: size // points]
        gain_db = 10.0 * np.log10(np.maximum(power, _SMALLEST_GAIN**2))
        return filter_by_gain(audio, lambda _: self.strength * gain_db, sample_rate, self.phase)
