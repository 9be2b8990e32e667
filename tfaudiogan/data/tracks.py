"""The files of a split as they lie on disk, ready to be read from any sample on."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfaudiogan.audio.files import AudioReader
from tfaudiogan.audio.levels import db_to_gain
from tfaudiogan.data.corpus import Corpus
from tfaudiogan.data.decoding import read_range
from tfaudiogan.data.manifest import Pair
from tfaudiogan.errors import InputError

HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
"""The 44 bytes before the samples of a PCM WAV file without further chunks."""


@dataclass(frozen=True)
class Encoding:
    """How a file holds its samples.

    ``plain`` is a 16-bit WAV file at the corpus's rate with its samples at byte 44; ``subtype`` is
    libsndfile's name: ``"PCM_16"``, ``"VORBIS"`` ...
    """

    subtype: str
    sample_rate: int
    plain: bool


@dataclass(frozen=True, eq=False)
class Tracks:
    """Pairs of mono audio files.

    ``paths`` and ``encodings`` hold (input, target) of each track, ``samples`` their lengths at
    ``sample_rate``, and ``scales``, float32 ``(tracks, 2)``, the factors from 16-bit samples to
    float ones at the common level.
    """

    paths: tuple[tuple[Path, Path], ...]
    encodings: tuple[tuple[Encoding, Encoding], ...]
    samples: tuple[int, ...]
    sample_rate: int
    scales: np.ndarray

    @classmethod
    def of_pairs(cls, corpus: Corpus, pairs: Sequence[Pair]) -> "Tracks":
        """Look at each file's header, and nothing more.

        Raises:
            InputError: when a file is not what the manifest says.
        """
        paths = tuple((corpus.folder / pair.input, corpus.folder / pair.target) for pair in pairs)
        encodings = tuple(
            tuple(check_file(path, pair.samples, pair.sample_rate) for path in sides)
            for pair, sides in zip(pairs, paths, strict=True)
        )
        gains = [[db_to_gain(p.input_gain_db), db_to_gain(p.target_gain_db)] for p in pairs]
        scales = np.array(gains, np.float32).reshape(-1, 2) / np.float32(32768)
        samples = tuple(pair.samples for pair in pairs)
        return cls(paths, encodings, samples, corpus.sample_rate, scales)

    @property
    def plain(self) -> bool:
        """Whether every file's samples can be taken as they lie there."""
        return all(encoding.plain for sides in self.encodings for encoding in sides)

    def read(self, track: int, start: int, count: int) -> np.ndarray:
        """Samples of both sides at the common level, float32 ``(2, count)``."""
        pcm = np.empty((2, count), np.float32)
        for side, path, encoding in zip(pcm, self.paths[track], self.encodings[track], strict=True):
            if encoding.plain:
                side[:] = _read_plain(path, start, count)
            else:
                side[:] = read_range(path, start, start + count, self.sample_rate)
                side *= 32768.0
        return pcm * self.scales[track][:, None]


def _read_plain(path: Path, start: int, count: int) -> np.ndarray:
    pcm = np.empty(count, "<i2")
    with path.open("rb") as stream:
        stream.seek(HEADER.size + 2 * start)
        if stream.readinto(pcm) != pcm.nbytes:
            raise InputError(f"{path} has been cut short; make the corpus again")
    return pcm


def check_file(path: Path, samples: int, sample_rate: int) -> Encoding:
    """Make sure of a mono audio file that has that many samples at that rate, in hertz.

    Raises:
        InputError: when the file is missing, no audio, or has other channels or another length.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(HEADER.size)
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}); make the corpus again") from error
    if _is_plain(head, sample_rate):
        encoding, channels = Encoding("PCM_16", sample_rate, plain=True), 1
        found = min(HEADER.unpack(head)[-1], size - HEADER.size) // 2
    else:
        file = AudioReader(path)
        encoding, channels = Encoding(file.subtype, file.sample_rate, plain=False), file.channels
        found = -(-file.samples * sample_rate // file.sample_rate)
    if channels != 1:
        raise InputError(f"{path} has {channels} channels; expected one; make the corpus again")
    if found != samples:
        raise InputError(
            f"{path} holds {found} samples at {sample_rate} Hz; expected {samples}; "
            "make the corpus again"
        )
    return encoding


def _is_plain(head: bytes, sample_rate: int) -> bool:
    if len(head) < HEADER.size:
        return False
    riff, _, wave, fmt, _, coding, channels, rate, _, _, bits, data, _ = HEADER.unpack(head)
    return (riff, wave, fmt, coding, data) == (b"RIFF", b"WAVE", b"fmt ", 1, b"data") and (
        (channels, bits, rate) == (1, 16, sample_rate)
    )
