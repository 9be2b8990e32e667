"""Pairs onto the disk, one by one, from several processes if need be."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
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
from tfaudiogan.corpus.journal import JOURNAL, append_journal, read_journal
from tfaudiogan.corpus.manifest import (
    MANIFEST,
    Pair,
    format_header,
    format_row,
    read_manifest_text,
)
from tfaudiogan.errors import InputError
from tfaudiogan.storage import write_text


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
    """Writes pairs into a corpus folder, and the manifest with them.

    A folder that has a manifest is continued: ``done`` tells which tracks are there already with
    the same source and settings.

    The manifest is true after each pair while it is short. A long one takes long to write, so that
    from ``MANIFEST_ROWS`` pairs on, new rows are appended to a journal beside it, which joins the
    manifest from time to time and with ``save``. A process that is killed loses none of them: the
    next writer of the folder reads the journal.

    Args:
        folder: of the corpus; made where it is missing.
        task: of its pairs.
        sample_rate: in hertz.
        overwrite: forget the pairs of another task or sample rate that the folder holds.

    Raises:
        InputError: when it holds such pairs, unless they are to be overwritten.
    """

    MANIFEST_ROWS = 200

    def __init__(
        self, folder: Path | str, task: str, sample_rate: int, overwrite: bool = False
    ) -> None:
        self.folder = Path(folder)
        self.task = task
        self.sample_rate = sample_rate
        self.folder.mkdir(parents=True, exist_ok=True)
        self._pairs: dict[str, Pair] = {}
        self._rows: dict[str, str] = {}
        self._journaled = 0
        path = self.folder / MANIFEST
        if path.is_file():
            for row in csv.DictReader(io.StringIO(read_manifest_text(path), newline="")):
                try:
                    pair = Pair.from_row(row)
                except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
                    continue
                if not overwrite or self.accepts(pair):
                    self._pairs[pair.name] = pair
        journal = read_journal(self.folder / JOURNAL)
        self._pairs.update(
            (pair.name, pair) for pair in journal if not overwrite or self.accepts(pair)
        )
        for pair in self._pairs.values():
            for name, value in (("sample_rate", sample_rate), ("task", task)):
                if getattr(pair, name) != value:
                    raise InputError(
                        f"{self.folder} holds pairs of {name} {getattr(pair, name)}, not {value}; "
                        "give another --out"
                    )
        if journal:
            self.save()

    @property
    def pairs(self) -> Mapping[str, Pair]:
        """The pairs in the manifest so far, by name."""
        return self._pairs

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
            altered=not np.array_equal(sides[0], sides[1]),
        )

    def record(self, *pairs: Pair) -> None:
        """Add written pairs to the manifest or its journal, or replace their rows."""
        self._pairs.update((pair.name, pair) for pair in pairs)
        for pair in pairs:
            self._rows.pop(pair.name, None)
        self._journaled += len(pairs)
        limit = len(self._pairs) // 20 if len(self._pairs) >= self.MANIFEST_ROWS else 0
        if self._journaled > limit:
            self.save()
        elif pairs:
            append_journal(self.folder / JOURNAL, pairs)

    def keep_only(self, names: Iterable[str]) -> None:
        """Drop the rows of pairs that the present sources no longer name."""
        names = set(names)
        self._pairs = {name: pair for name, pair in self._pairs.items() if name in names}
        self.save()

    def save(self) -> None:
        """Write the manifest, with every row that the journal holds, and remove the journal."""
        rows = {}
        for name, pair in self._pairs.items():
            rows[name] = self._rows.get(name) or format_row(pair)
        self._rows = rows
        text = "".join([format_header(), *(rows[name] for name in sorted(rows))])
        write_text(self.folder / MANIFEST, text)
        (self.folder / JOURNAL).unlink(missing_ok=True)
        self._journaled = 0

    def __getstate__(self) -> dict[str, Any]:
        """Without the rows, which processes that write pairs have no use for."""
        return self.__dict__ | {"_pairs": {}, "_rows": {}}


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
