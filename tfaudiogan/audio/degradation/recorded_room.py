"""A room as it was measured."""

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
    """A recorded impulse response, its direct sound at time 0 and its largest sample 1.

    Args:
        path: of an audio file that holds the response.
        sha256: of its bytes.
        reverberation_db: gain of all that comes more than 2.7 ms after the direct sound: the same
            room from nearer or farther away.
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
        """Any of the recordings, in two of five draws as it is."""
        recording = recordings[int(rng.integers(len(recordings)))]
        gain = uniform(rng, reverberation_db, 2) if rng.random() < 0.6 else 0.0
        return cls(recording.path, recording.sha256, gain)

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Play ``(samples,)`` in the room; the reverberation after its end is cut off."""
        response, direct = read_response(self.path, self.sha256, sample_rate)
        response = response / response[direct]
        response[direct + round(_DIRECT_S * sample_rate) :] *= db_to_gain(self.reverberation_db)
        return convolve(audio, response, direct)
