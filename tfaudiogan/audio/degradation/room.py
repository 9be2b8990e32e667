"""Simulated reverberation of a room."""

import math
from dataclasses import dataclass

import numpy as np

from tfaudiogan.audio.draws import uniform
from tfaudiogan.audio.filters import convolve
from tfaudiogan.extras import require

MAX_ORDER = 60
_WALL = 0.5


def require_pyroomacoustics() -> None:
    """Raise an InputError that names the extra if pyroomacoustics is not installed."""
    require("phone", "pyroomacoustics")


@dataclass(frozen=True)
class Room:
    """Apply the response of a rectangular room, with its direct sound at time 0 and at gain 1.

    The response is computed from image sources (Allen and Berkley 1979) by pyroomacoustics, up to
    reflections of order ``MAX_ORDER``, which shortens the longest reverberations of the smallest
    rooms. The delay from source to microphone is compensated, including its fraction of a sample.

    Args:
        size_m: length, width and height, in meters.
        source_m: position of the source, in meters.
        microphone_m: position of the phone, in meters.
        rt60_s: time in which the reverberation falls by 60 dB, in seconds. The walls' absorption,
            at most 0.99, follows from it by Sabine's formula.

    Raises:
        ValueError: if a position is outside the room, or both positions are the same.
        InputError: if called without pyroomacoustics.
    """

    size_m: tuple[float, float, float]
    source_m: tuple[float, float, float]
    microphone_m: tuple[float, float, float]
    rt60_s: float

    def __post_init__(self) -> None:
        for name in ("source_m", "microphone_m"):
            position = getattr(self, name)
            if not all(0 < p < s for p, s in zip(position, self.size_m, strict=True)):
                raise ValueError(f"{name} is {position}; expected a position inside {self.size_m}")
        if self.source_m == self.microphone_m:
            raise ValueError(
                f"source_m and microphone_m are both {self.source_m}; expected different positions"
            )
        if not self.rt60_s > 0:
            raise ValueError(f"rt60_s is {self.rt60_s}; expected more than 0")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        rt60_s: tuple[float, float],
        distance_m: tuple[float, float],
    ) -> "Room":
        """Draw a room of 3 to 8 by 2.5 to 6 by 2.3 to 3.5 m, with the phone anywhere in it."""
        size = [uniform(rng, bounds, 2) for bounds in ((3.0, 8.0), (2.5, 6.0), (2.3, 3.5))]
        reverberation = uniform(rng, rt60_s)
        inside = np.array(size) - _WALL
        while True:
            microphone = rng.uniform(_WALL, inside)
            direction = rng.standard_normal(3)
            source = microphone + uniform(rng, distance_m) * direction / np.linalg.norm(direction)
            if np.all(source > _WALL) and np.all(source < inside):
                break
        positions = [tuple(round(float(x), 3) for x in point) for point in (source, microphone)]
        return cls(tuple(size), *positions, reverberation)

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Play ``(samples,)`` in the room; reverberation after the end of the signal is cut off."""
        if not len(audio):
            return audio.astype(np.float32)
        return convolve(audio, *self.response(sample_rate))

    def response(self, sample_rate: int) -> tuple[np.ndarray, int]:
        """Return the impulse response and the index of its direct sound."""
        require_pyroomacoustics()
        import pyroomacoustics

        room = pyroomacoustics.ShoeBox(
            self.size_m,
            fs=sample_rate,
            materials=pyroomacoustics.Material(self.absorption),
            max_order=self.reflections(pyroomacoustics.constants.get("c")),
        )
        room.add_source(self.source_m)
        room.add_microphone(self.microphone_m)
        room.compute_rir()
        distance = math.dist(self.source_m, self.microphone_m)
        delay = distance / room.c * sample_rate
        start = math.floor(delay)
        response = _advance(room.rir[0][0], delay - start) * distance
        return response, start + pyroomacoustics.constants.get("frac_delay_length") // 2

    @property
    def absorption(self) -> float:
        """Share of a wave's energy that the walls absorb (Sabine 1922: RT60 = 0.161 V / (a S))."""
        x, y, z = self.size_m
        surface = 2 * (x * y + y * z + z * x)
        return min(0.161 * x * y * z / (surface * self.rt60_s), 0.99)

    def reflections(self, speed: float) -> int:
        """Return the order up to which all reflections of the first ``rt60_s`` seconds lie."""
        x, y = sorted(self.size_m)[:2]
        nearest = x * y / math.hypot(x, y)
        return min(math.ceil(speed * self.rt60_s / nearest), MAX_ORDER)


def _advance(response: np.ndarray, fraction: float) -> np.ndarray:
    """Advance by a fraction of a sample, in the frequency domain."""
    samples = len(response) | 1
    frequency = np.fft.rfftfreq(samples)
    spectrum = np.fft.rfft(response, samples) * np.exp(2j * np.pi * frequency * fraction)
    return np.fft.irfft(spectrum, samples)
