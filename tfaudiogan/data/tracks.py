"""The WAV files of a split as they lie on disk, ready to be read from any sample on."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfaudiogan.audio.levels import db_to_gain
from tfaudiogan.data.corpus import Corpus, Pair
from tfaudiogan.errors import InputError

HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
"""The 44 bytes before the samples of a PCM WAV file without further chunks."""


@dataclass(frozen=True, eq=False)
class Tracks:
    """Pairs of mono PCM-16 WAV files.

    ``paths`` holds (input, target) of each track, ``samples`` their lengths, and ``scales``,
    float32 ``(tracks, 2)``, the factors from 16-bit samples to float ones at the common level.
    """

    paths: tuple[tuple[Path, Path], ...]
    samples: tuple[int, ...]
    scales: np.ndarray

    @classmethod
    def of_pairs(cls, corpus: Corpus, pairs: Sequence[Pair]) -> "Tracks":
        """Look at each file's header, and nothing more.

        Raises:
            InputError: when a file is not what the manifest says.
        """
        paths = tuple((corpus.folder / pair.input, corpus.folder / pair.target) for pair in pairs)
        for pair, sides in zip(pairs, paths, strict=True):
            for path in sides:
                check_wav(path, pair.samples, pair.sample_rate)
        gains = [[db_to_gain(p.input_gain_db), db_to_gain(p.target_gain_db)] for p in pairs]
        scales = np.array(gains, np.float32).reshape(-1, 2) / np.float32(32768)
        return cls(paths, tuple(pair.samples for pair in pairs), scales)

    def read(self, track: int, start: int, count: int) -> np.ndarray:
        """Samples of both sides at the common level, float32 ``(2, count)``."""
        pcm = np.empty((2, count), "<i2")
        for side, path in zip(pcm, self.paths[track], strict=True):
            with path.open("rb") as stream:
                stream.seek(HEADER.size + 2 * start)
                if stream.readinto(side) != side.nbytes:
                    raise InputError(f"{path} has been cut short; make the corpus again")
        return pcm * self.scales[track][:, None]


def check_wav(path: Path, samples: int, sample_rate: int) -> None:
    """Make sure of a mono PCM-16 WAV file of that length and rate with its samples at byte 44.

    Raises:
        InputError: when the file is missing, something else, or cut short.
    """
    expected = f"mono 16-bit WAV of {samples} samples at {sample_rate} Hz"
    try:
        with path.open("rb") as stream:
            head = stream.read(HEADER.size)
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}); expected a {expected}") from error
    if len(head) < HEADER.size:
        raise InputError(f"{path} has {size} bytes; expected a {expected}; make the corpus again")
    riff, _, wave, fmt, _, coding, channels, rate, _, _, bits, data, length = HEADER.unpack(head)
    if (riff, wave, fmt, coding, data) != (b"RIFF", b"WAVE", b"fmt ", 1, b"data"):
        found = "is not a PCM WAV file with its samples at byte 44"
    elif (channels, bits, rate) != (1, 16, sample_rate):
        found = f"has {channels} channels of {bits} bits at {rate} Hz"
    elif min(length, size - HEADER.size) // 2 != samples:
        found = f"holds {min(length, size - HEADER.size) // 2} samples"
    else:
        return
    raise InputError(f"{path} {found}; expected a {expected}; make the corpus again")
