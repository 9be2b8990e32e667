"""Recorded devices: audio files that stages refer to by path and checksum."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from tfaudiogan.audio.files import read_audio
from tfaudiogan.errors import InputError
from tfaudiogan.storage import checksum

_BEFORE_S = 0.0015
_AFTER_S = 2.0
_NEGLIGIBLE = 1e-6


@dataclass(frozen=True)
class Recording:
    """An audio file and its SHA-256 checksum."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Recordings:
    """Recorded impulse responses of rooms and microphones, and recorded noises; any may be empty.

    ``tfaudiogan.making.devices.find_recorded_devices`` finds them in folders.
    """

    rooms: tuple[Recording, ...] = ()
    microphones: tuple[Recording, ...] = ()
    noises: tuple[Recording, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.rooms or self.microphones or self.noises)


NO_RECORDINGS = Recordings()


def read_recording(path: str, sha256: str, sample_rate: int) -> np.ndarray:
    """Read a file, mixed to mono, ``(samples,)`` float32; recently read files are cached.

    Raises:
        InputError: if the file is missing, unreadable, silent, or has changed.
    """
    return _read(path, sha256, sample_rate)


@lru_cache(maxsize=32)
def _read(path: str, sha256: str, sample_rate: int) -> np.ndarray:
    if Path(path).is_file() and checksum(path) != sha256:
        raise InputError(f"{path} has changed since its chain was drawn; restore the original file")
    audio, _ = read_audio(path, sample_rate, mono=True)
    if not audio.any():
        raise InputError(f"{path} is silent; remove it from its folder")
    audio.flags.writeable = False
    return audio


@lru_cache(maxsize=128)
def read_response(path: str, sha256: str, sample_rate: int) -> tuple[np.ndarray, int]:
    """Return a recorded impulse response and the index of its direct sound, the largest sample.

    The response is trimmed to 1.5 ms before and 2 s after the direct sound, and its tail with less
    than a millionth of the energy is cut off. Its polarity is such that the direct sound is
    positive.

    Raises:
        InputError: as for ``read_recording``.
    """
    audio = read_recording(path, sha256, sample_rate).astype(np.float64)
    direct = int(np.argmax(np.abs(audio)))
    start = max(0, direct - round(_BEFORE_S * sample_rate))
    response = audio[start : direct + round(_AFTER_S * sample_rate)] * np.sign(audio[direct])
    direct -= start
    remaining = np.cumsum(np.square(response[::-1]))[::-1]
    end = int(np.count_nonzero(remaining > _NEGLIGIBLE * remaining[0]))
    response = response[: max(end, direct + 1)]
    response.flags.writeable = False
    return response, direct
