"""Recorded noise of the surroundings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfaudiogan.audio.degradation.recordings import Recording, read_recording
from tfaudiogan.audio.draws import uniform
from tfaudiogan.audio.levels import db_to_gain, measure_level


@dataclass(frozen=True)
class RecordedNoise:
    """Add a recording of noise, looped as often as needed.

    Args:
        path: audio file of any length.
        sha256: checksum of that file.
        snr_db: level of the signal (``tfaudiogan.audio.levels``) relative to that of the noise.
        position: where in the recording the noise begins, as a share of its length.

    Raises:
        ValueError: if the position is not from 0 to less than 1.
    """

    path: str
    sha256: str
    snr_db: float
    position: float

    def __post_init__(self) -> None:
        if not 0 <= self.position < 1:
            raise ValueError(f"position is {self.position}; expected 0 to less than 1")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        recordings: Sequence[Recording],
        snr_db: tuple[float, float],
    ) -> "RecordedNoise":
        """Draw any of the recordings, and where it begins."""
        recording = recordings[int(rng.integers(len(recordings)))]
        position = int(rng.integers(10000)) / 10000
        return cls(recording.path, recording.sha256, uniform(rng, snr_db, 2), position)

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Add noise to ``(samples,)``; silence, which has no level, stays unchanged."""
        audio = audio.astype(np.float32)
        level = measure_level(audio)
        recording = read_recording(self.path, self.sha256, sample_rate)
        noise = np.resize(np.roll(recording, -int(self.position * len(recording))), len(audio))
        power = float(np.square(noise, dtype=np.float64).mean()) if len(noise) else 0.0
        if level is None or not power:
            return audio
        return audio + noise * np.float32(db_to_gain(level - self.snr_db) / np.sqrt(power))
