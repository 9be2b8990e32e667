"""Recorded devices: files that stages refer to by their path and checksum."""

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
    """A file and the SHA-256 of its bytes."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Recordings:
    """Recorded impulse responses of rooms and of microphones, and recorded noises; any may be none.

    ``tfaudiogan.making.devices.find_recorded_devices`` makes them of folders.
    """

    rooms: tuple[Recording, ...] = ()
    microphones: tuple[Recording, ...] = ()
    noises: tuple[Recording, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.rooms or self.microphones or self.noises)


NO_RECORDINGS = Recordings()


def read_recording(path: str, sha256: str, sample_rate: int) -> np.ndarray:
    """The file's sound, mixed to mono, ``(samples,)`` float32; the last ones read are kept.

    Raises:
        InputError: when the file is missing, unreadable, silent, or has changed.
    """
    return _read(path, sha256, sample_rate)


@lru_cache(maxsize=32)
def _read(path: str, sha256: str, sample_rate: int) -> np.ndarray:
    if Path(path).is_file() and checksum(path) != sha256:
        raise InputError(f"{path} has changed since it was drawn; give the file as it was")
    audio, _ = read_audio(path, sample_rate, mono=True)
    if not audio.any():
        raise InputError(f"{path} is silent; take it out of its folder")
    audio.flags.writeable = False
    return audio


@lru_cache(maxsize=128)
def read_response(path: str, sha256: str, sample_rate: int) -> tuple[np.ndarray, int]:
    """A recorded impulse response and the index of its direct sound, which is its largest sample.

    What comes more than 1.5 ms before it or 2 s after it is left out, and so is the end that holds
    less than a millionth of the energy. The direct sound is positive.

    Raises:
        InputError: as ``read_recording``.
    """
    audio = read_recording(path, sha256, sample_rate).astype(np.float64)
    direct = int(np.argmax(np.abs(audio)))
    start = max(0, direct - round(_BEFORE_S * sample_rate))
    response = audio[start : direct + round(_AFTER_S * sample_rate)] * np.sign(audio[direct])
    direct -= start
    left = np.cumsum(np.square(response[::-1]))[::-1]
    end = int(np.count_nonzero(left > _NEGLIGIBLE * left[0]))
    response = response[: max(end, direct + 1)]
    response.flags.writeable = False
    return response, direct
