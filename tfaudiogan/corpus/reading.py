"""Reading a corpus, a folder of audio files and a manifest, whatever task made it.

The input and the target of a pair are mono files of the same length, aligned to the sample. They
are written as 16-bit WAV (``corpus.writing``) and can be converted to FLAC, Ogg Vorbis or MP3
(``corpus.convert``).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfaudiogan.audio.levels import db_to_gain
from tfaudiogan.corpus.decoding import read_range
from tfaudiogan.corpus.manifest import MANIFEST, Pair, parse_manifest, read_manifest_text
from tfaudiogan.corpus.splits import SPLITS
from tfaudiogan.errors import InputError
from tfaudiogan.storage import checksum


@dataclass(frozen=True)
class Corpus:
    """A folder of pairs that share a sample rate and a task."""

    folder: Path
    pairs: tuple[Pair, ...]
    checksum: str

    @classmethod
    def load(cls, folder: Path | str) -> "Corpus":
        """Read a corpus's manifest.

        Args:
            folder: folder or URL of the corpus. A corpus at a URL, such as ``s3://bucket/corpus``,
                is copied to this machine first (``corpus.mirror``).

        Raises:
            InputError: if the folder or the manifest is missing, empty or damaged, the manifest
                mixes sample rates or tasks, or the URL cannot be read.
        """
        if "://" in str(folder):
            from tfaudiogan.corpus.mirror import mirror

            folder = mirror(str(folder))
        folder = Path(folder)
        path = folder / MANIFEST
        if not path.is_file():
            raise InputError(
                f"no {MANIFEST} in {folder}; make a corpus with `tfaudiogan render --out {folder}`"
            )
        pairs = parse_manifest(read_manifest_text(path), path)
        for pair in pairs:
            for side in (pair.input, pair.target):
                if "\0" in side or not (folder / side).is_file():
                    raise InputError(f"{folder / side} is missing; render the corpus again")
        return cls(folder, pairs, checksum(path))

    @property
    def sample_rate(self) -> int:
        """Sample rate, in hertz."""
        return self.pairs[0].sample_rate

    @property
    def task(self) -> str:
        """The task of the pairs: ``instrument``, ``phone``, ``superres`` or ``pairs``."""
        return self.pairs[0].task

    @property
    def description(self) -> str:
        """A description of the corpus: its task, and the tracks and hours of each split."""
        parts = []
        for split in SPLITS:
            pairs = [pair for pair in self.pairs if pair.split == split]
            hours = sum(pair.seconds for pair in pairs) / 3600.0
            parts.append(f"{split} {len(pairs)} tracks, {hours:.2f} h")
        return f"{self.task} pairs at {self.sample_rate} Hz: {'; '.join(parts)}"

    def split(self, name: str) -> tuple[Pair, ...]:
        """Return the pairs of the split ``"train"``, ``"validation"`` or ``"test"``.

        Raises:
            InputError: if there is no such split, or it is empty.
        """
        if name not in SPLITS:
            raise InputError(f"unknown split {name!r}; choose one of {', '.join(SPLITS)}")
        pairs = tuple(pair for pair in self.pairs if pair.split == name)
        if not pairs:
            raise InputError(
                f"no pair of {self.folder} is in split {name!r}; it has {len(self.pairs)} pairs: "
                "add tracks"
            )
        return pairs

    def altered(self, name: str) -> tuple[Pair, ...]:
        """Return the pairs of a split whose sides differ, or all pairs if there are none.

        Scores are computed over these pairs. The others would outweigh them, since the scores of a
        network that leaves unaltered recordings unchanged are unbounded.
        """
        pairs = self.split(name)
        return tuple(pair for pair in pairs if pair.altered) or pairs

    def unaltered(self, name: str) -> tuple[Pair, ...]:
        """Return the pairs of a split that ``altered`` does not return."""
        altered = self.altered(name)
        return tuple(pair for pair in self.split(name) if pair not in altered)

    def read(self, pair: Pair, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Read samples of a pair at the common level, float32 of shape ``(2, samples)``."""
        sides, end = [], pair.samples if stop is None else stop
        for path, gain_db in (
            (pair.input, pair.input_gain_db),
            (pair.target, pair.target_gain_db),
        ):
            audio = read_range(self.folder / path, start, end, pair.sample_rate)
            sides.append(audio * np.float32(db_to_gain(gain_db)))
        return np.stack(sides)
