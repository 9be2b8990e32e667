"""Pairs on disk: a folder of audio files and its manifest, whatever task made them.

``manifest.csv`` has a row for each pair; ``Corpus.load`` reads it, ``CorpusWriter`` writes it. The
input and the target of a pair are mono files of the same length and sample alignment: 16-bit WAV as
they are made, FLAC, Ogg Vorbis or MP3 once converted (``data.convert``).
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tfaudiogan.audio.files import write_pcm16
from tfaudiogan.audio.levels import (
    BLOCK,
    GATE_DBFS,
    block_power,
    db_to_gain,
    gain_to_common_level,
    gain_to_db,
    measure_level,
)
from tfaudiogan.data.decoding import read_range
from tfaudiogan.errors import InputError
from tfaudiogan.storage import checksum, write_text

MANIFEST = "manifest.csv"
SPLITS = ("train", "validation", "test")
_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


@dataclass(frozen=True)
class Pair:
    """One track twice: as it sounds, and as it should sound.

    ``input`` and ``target`` are paths relative to the corpus; ``samples`` their common length at
    ``sample_rate``, to which files of other rates are resampled as they are read.
    The gains, in dB, bring each side to the common level (``tfaudiogan.audio.levels``) and are
    applied when crops are read. ``sounding`` lists the ranges of samples, multiples of
    ``levels.BLOCK`` but for the last, in which either side is above the gate at that level.
    ``settings`` is what the task that made the pair needs to make it again. ``altered`` is false
    where both sides hold the same samples: there a network learns to leave alone what is good.
    """

    name: str
    split: str
    task: str
    input: str
    target: str
    samples: int
    sample_rate: int
    input_gain_db: float
    target_gain_db: float
    sounding: tuple[tuple[int, int], ...]
    source: str
    source_sha256: str
    settings: Mapping[str, Any]
    altered: bool = True

    def to_row(self) -> dict[str, str]:
        """The manifest's row, as text."""
        row = {f.name: str(getattr(self, f.name)) for f in fields(self)}
        row["input_gain_db"] = f"{self.input_gain_db:.4f}"
        row["target_gain_db"] = f"{self.target_gain_db:.4f}"
        row["sounding"] = ";".join(f"{start}-{stop}" for start, stop in self.sounding)
        row["settings"] = json.dumps(dict(self.settings), sort_keys=True)
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> "Pair":
        """Read a manifest's row; KeyError or ValueError where it isn't one."""
        values: dict[str, Any] = {f.name: row[f.name] for f in fields(cls) if f.name in row}
        values["samples"] = int(row["samples"])
        values["sample_rate"] = int(row["sample_rate"])
        values["input_gain_db"] = float(row["input_gain_db"])
        values["target_gain_db"] = float(row["target_gain_db"])
        values["sounding"] = tuple(
            (int(start), int(stop))
            for start, stop in (part.split("-") for part in row["sounding"].split(";") if part)
        )
        values["settings"] = json.loads(row["settings"])
        values["altered"] = row.get("altered") != "False"
        return cls(**values)

    @property
    def seconds(self) -> float:
        """Length of the track."""
        return self.samples / self.sample_rate


def parse_manifest(text: str, where: Path | str) -> tuple[Pair, ...]:
    """The pairs of a manifest.

    Args:
        text: of the manifest.
        where: it is from, for messages.

    Raises:
        InputError: when it is damaged, lists no pairs, or mixes sample rates or tasks.
    """
    pairs = []
    for number, row in enumerate(csv.DictReader(io.StringIO(text, newline="")), start=2):
        try:
            pairs.append(Pair.from_row(row))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{where}, line {number}: {error!r}; render the corpus again"
            ) from error
    if not pairs:
        raise InputError(f"{where} lists no pairs; render the corpus again")
    for name in ("sample_rate", "task"):
        values = sorted({getattr(pair, name) for pair in pairs})
        if len(values) > 1:
            raise InputError(f"{where} mixes {name} {values}; keep one corpus for each")
    return tuple(pairs)


@dataclass(frozen=True)
class Corpus:
    """A folder of pairs of one sample rate and one task."""

    folder: Path
    pairs: tuple[Pair, ...]
    checksum: str

    @classmethod
    def load(cls, folder: Path | str) -> "Corpus":
        """Read a corpus's manifest.

        Args:
            folder: of the corpus, or its URL, as in ``s3://bucket/corpus``: the corpus is then
                copied to this machine first (``data.mirror``).

        Raises:
            InputError: when the folder or manifest is missing, empty, damaged, or mixes sample
                rates or tasks; or when a URL can't be read.
        """
        if "://" in str(folder):
            from tfaudiogan.data.mirror import mirror

            folder = mirror(str(folder))
        folder = Path(folder)
        path = folder / MANIFEST
        if not path.is_file():
            raise InputError(
                f"no {MANIFEST} in {folder}; make a corpus with `tfaudiogan render --out {folder}`"
            )
        with path.open(newline="", encoding="utf-8") as stream:
            pairs = parse_manifest(stream.read(), path)
        for pair in pairs:
            for side in (pair.input, pair.target):
                if not (folder / side).is_file():
                    raise InputError(f"{folder / side} is missing; render the corpus again")
        return cls(folder, pairs, checksum(path))

    @property
    def sample_rate(self) -> int:
        """Samples a second, in hertz."""
        return self.pairs[0].sample_rate

    @property
    def task(self) -> str:
        """What the pairs teach: ``instrument``, ``phone``, ``superres`` or ``pairs``."""
        return self.pairs[0].task

    @property
    def description(self) -> str:
        """The corpus in words: task, tracks and hours of each split."""
        parts = []
        for split in SPLITS:
            pairs = [pair for pair in self.pairs if pair.split == split]
            hours = sum(pair.seconds for pair in pairs) / 3600.0
            parts.append(f"{split} {len(pairs)} tracks, {hours:.2f} h")
        return f"{self.task} pairs at {self.sample_rate} Hz: {'; '.join(parts)}"

    def split(self, name: str) -> tuple[Pair, ...]:
        """The pairs of ``"train"``, ``"validation"`` or ``"test"``.

        Raises:
            InputError: when there is no such split, or it is empty.
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
        """The pairs of a split whose sides differ, which scores are taken of; all, if none does.

        The others would outweigh them: a network that leaves them alone scores without bound.
        """
        pairs = self.split(name)
        return tuple(pair for pair in pairs if pair.altered) or pairs

    def unaltered(self, name: str) -> tuple[Pair, ...]:
        """The other pairs of a split, none or more."""
        altered = self.altered(name)
        return tuple(pair for pair in self.split(name) if pair not in altered)

    def read(self, pair: Pair, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Samples of a pair at the common level, float32 of shape ``(2, samples)``."""
        sides, end = [], pair.samples if stop is None else stop
        for path, gain_db in (
            (pair.input, pair.input_gain_db),
            (pair.target, pair.target_gain_db),
        ):
            audio = read_range(self.folder / path, start, end, pair.sample_rate)
            sides.append(audio * np.float32(db_to_gain(gain_db)))
        return np.stack(sides)


def assign_splits(pieces: Iterable[str]) -> dict[str, str]:
    """Assign each piece to a split by a stable hash of its name: 80 / 10 / 10 %.

    All tracks of a piece share a split. Where few pieces would leave a split empty, the pieces
    nearest to its share of the hash's range fill it, so three pieces are enough.
    """
    position = {
        piece: int.from_bytes(hashlib.sha256(piece.encode()).digest()[:8]) / 2**64
        for piece in pieces
    }
    bounds, low = {}, 0.0
    for split in SPLITS:
        bounds[split] = (low, low + _SHARES[split])
        low += _SHARES[split]
    splits = {}
    for piece, value in position.items():
        splits[piece] = next((s for s in SPLITS if value < bounds[s][1]), SPLITS[-1])
    for split in SPLITS[::-1]:
        counts = {s: list(splits.values()).count(s) for s in SPLITS}
        movable = [piece for piece in splits if counts[splits[piece]] > 1]
        if not counts[split] and movable:
            centre = sum(bounds[split]) / 2
            splits[min(movable, key=lambda p: (abs(position[p] - centre), p))] = split
    return splits


def sounding_ranges(*sides: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Ranges ``(start, stop)`` of samples in which any side is above the gate, block by block."""
    gate = db_to_gain(GATE_DBFS) ** 2
    sounding = np.any([block_power(side) > gate for side in sides], axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], sounding.astype(np.int8), [0]])))
    samples = len(sides[0])
    return tuple(
        (int(start) * BLOCK, min(int(stop) * BLOCK, samples))
        for start, stop in edges.reshape(-1, 2)
    )


class CorpusWriter:
    """Writes pairs into a corpus folder and keeps its manifest true after each of them.

    A folder that has a manifest is continued: ``done`` tells which tracks are there already with
    the same source and settings.
    """

    def __init__(self, folder: Path | str, task: str, sample_rate: int) -> None:
        self.folder = Path(folder)
        self.task = task
        self.sample_rate = sample_rate
        self.folder.mkdir(parents=True, exist_ok=True)
        self._pairs: dict[str, Pair] = {}
        path = self.folder / MANIFEST
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as stream:
                for row in csv.DictReader(stream):
                    try:
                        pair = Pair.from_row(row)
                    except (KeyError, TypeError, ValueError):
                        continue
                    self._pairs[pair.name] = pair
        for pair in self._pairs.values():
            for name, value in (("sample_rate", sample_rate), ("task", task)):
                if getattr(pair, name) != value:
                    raise InputError(
                        f"{self.folder} holds pairs of {name} {getattr(pair, name)}, not {value}; "
                        "give another --out"
                    )

    def accepts(self, pair: Pair) -> bool:
        """Whether the pair is of the corpus's task and sample rate."""
        return (pair.task, pair.sample_rate) == (self.task, self.sample_rate)

    def done(self, name: str, split: str, source_sha256: str, settings: Mapping[str, Any]) -> bool:
        """Whether the pair is on disk, whole, from the same source with the same settings."""
        pair = self._pairs.get(name)
        return (
            pair is not None
            and pair.split == split
            and pair.source_sha256 == source_sha256
            and dict(pair.settings) == json.loads(json.dumps(dict(settings)))
            and all(
                _wav_samples(self.folder / s) == pair.samples for s in (pair.input, pair.target)
            )
        )

    def write_pair(
        self,
        input_audio: np.ndarray,
        target_audio: np.ndarray,
        *,
        name: str,
        split: str,
        source: str,
        source_sha256: str,
        settings: Mapping[str, Any],
    ) -> Pair:
        """Write one pair's WAV files and return its row; safe to call from several processes.

        The row joins the manifest with ``record``. Float samples beyond full scale are scaled to
        fit, each side by one factor, which the pair's gain then takes back.

        Args:
            input_audio: ``(samples,)`` float in [-1, 1], or int16.
            target_audio: the same length.
            name: path of the pair in the corpus, without extension.

        Raises:
            InputError: when the lengths differ, or a side is empty, silent or not finite.
        """
        if input_audio.shape != target_audio.shape or input_audio.ndim != 1:
            raise InputError(
                f"{name}: input {input_audio.shape} and target {target_audio.shape}; "
                "expected two signals of one length"
            )
        paths, gains, levelled, sides = [], [], [], []
        for side, audio in (("input", input_audio), ("target", target_audio)):
            pcm = _to_pcm16(audio, f"{name}: {side}")
            level = measure_level(pcm / np.float32(32768))
            if level is None:
                raise InputError(f"{name}: {side} is silent (nothing above {GATE_DBFS:g} dBFS)")
            gain = gain_to_common_level(level)
            levelled.append(pcm * np.float32(gain / 32768))
            gains.append(gain_to_db(gain))
            path = Path(side) / f"{name}.wav"
            write_pcm16(self.folder / path, pcm, self.sample_rate)
            paths.append(path.as_posix())
            sides.append(pcm)
        return Pair(
            name=name,
            split=split,
            task=self.task,
            input=paths[0],
            target=paths[1],
            samples=len(input_audio),
            sample_rate=self.sample_rate,
            input_gain_db=round(gains[0], 4),
            target_gain_db=round(gains[1], 4),
            sounding=sounding_ranges(*levelled),
            source=source,
            source_sha256=source_sha256,
            settings=settings,
            altered=not np.array_equal(*sides),
        )

    def record(self, *pairs: Pair) -> None:
        """Add written pairs to the manifest, or replace their rows."""
        self._pairs.update((pair.name, pair) for pair in pairs)
        self._save()

    def keep_only(self, names: Iterable[str]) -> None:
        """Drop the rows of pairs that the present sources no longer name."""
        names = set(names)
        self._pairs = {name: pair for name, pair in self._pairs.items() if name in names}
        self._save()

    def _save(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, [f.name for f in fields(Pair)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._pairs[name].to_row() for name in sorted(self._pairs))
        write_text(self.folder / MANIFEST, text.getvalue())


def _to_pcm16(audio: np.ndarray, what: str) -> np.ndarray:
    if not len(audio):
        raise InputError(f"{what} is empty")
    if audio.dtype == np.int16:
        return audio
    if not np.isfinite(audio).all():
        raise InputError(f"{what} holds samples that are not finite")
    peak = max(1.0, float(audio.max()), -float(audio.min()))
    scaled = audio * np.float32(32767.0 / peak)
    return np.rint(scaled, out=scaled).astype(np.int16)


def _wav_samples(path: Path) -> int | None:
    try:
        return soundfile.info(path).frames
    except (OSError, soundfile.SoundFileError):
        return None
