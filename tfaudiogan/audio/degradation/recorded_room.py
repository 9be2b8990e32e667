"""A room given by its measured impulse response."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfaudiogan.audio.degradation.recordings import Recording, read_response
from tfaudiogan.audio.draws import uniform
from tfaudiogan.audio.filters import convolve
from tfaudiogan.audio.levels import db_to_gain

_DIRECT_S = 0.0027


@dataclass(frozen=True)
class RecordedRoom:
    """Apply a recorded impulse response, with its direct sound at time 0 and at gain 1.

    Args:
        path: audio file with the response.
        sha256: checksum of that file.
        reverberation_db: gain of everything later than 2.7 ms after the direct sound, which moves
            the microphone nearer to the source or farther away.
    """

    path: str
    sha256: str
    reverberation_db: float = 0.0

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        recordings: Sequence[Recording],
        reverberation_db: tuple[float, float] = (-12.0, 3.0),
    ) -> "RecordedRoom":
        """Draw any of the recordings; 40 % of the draws leave its reverberation unchanged."""
        recording = recordings[int(rng.integers(len(recordings)))]
        gain = uniform(rng, reverberation_db, 2) if rng.random() < 0.6 else 0.0
        return cls(recording.path, recording.sha256, gain)

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Play ``(samples,)`` in the room; reverberation after the end of the signal is cut off."""
        response, direct = read_response(self.path, self.sha256, sample_rate)
        response = response / response[direct]
        response[direct + round(_DIRECT_S * sample_rate) :] *= db_to_gain(self.reverberation_db)
        return convolve(audio, response, direct)
