"""The audio files of a split's tracks, readable from any sample on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfaudiogan.audio.levels import db_to_gain
from tfaudiogan.corpus.decoding import read_range
from tfaudiogan.corpus.files import HEADER, Encoding, check_file
from tfaudiogan.corpus.manifest import Pair
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError


@dataclass(frozen=True, eq=False)
class Tracks:
    """Pairs of mono audio files.

    Attributes:
        paths: files of input and target of each track.
        encodings: encodings of these files.
        samples: length of each track at ``sample_rate``.
        sample_rate: in hertz.
        scales: float32 ``(tracks, 2)``, the factors from 16-bit samples to floats at the common
            level.
    """

    paths: tuple[tuple[Path, Path], ...]
    encodings: tuple[tuple[Encoding, Encoding], ...]
    samples: tuple[int, ...]
    sample_rate: int
    scales: np.ndarray

    @classmethod
    def of_pairs(cls, corpus: Corpus, pairs: Sequence[Pair]) -> "Tracks":
        """Collect the files of pairs, of which only the headers are read.

        Raises:
            InputError: if a file does not match the manifest.
        """
        paths = tuple((corpus.folder / pair.input, corpus.folder / pair.target) for pair in pairs)
        encodings = tuple(
            (
                check_file(input, pair.samples, pair.sample_rate),
                check_file(target, pair.samples, pair.sample_rate),
            )
            for pair, (input, target) in zip(pairs, paths, strict=True)
        )
        gains = [[db_to_gain(p.input_gain_db), db_to_gain(p.target_gain_db)] for p in pairs]
        scales = np.array(gains, np.float32).reshape(-1, 2) / np.float32(32768)
        samples = tuple(pair.samples for pair in pairs)
        return cls(paths, encodings, samples, corpus.sample_rate, scales)

    @property
    def plain(self) -> bool:
        """Whether every file is a plain 16-bit WAV file (``corpus.files.Encoding``)."""
        return all(encoding.plain for sides in self.encodings for encoding in sides)

    def read(self, track: int, start: int, count: int) -> np.ndarray:
        """Read samples of both sides at the common level, float32 ``(2, count)``."""
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
        if stream.readinto(pcm.data) != pcm.nbytes:
            raise InputError(f"{path} is truncated; make the corpus again")
    return pcm
