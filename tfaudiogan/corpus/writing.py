"""Writing pairs into a corpus, one by one, from one or several processes."""

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
    read_rows,
)
from tfaudiogan.errors import InputError
from tfaudiogan.storage import write_text


def sounding_ranges(*sides: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Return ranges ``(start, stop)`` of samples in which blocks of any side are above the gate."""
    gate = db_to_gain(GATE_DBFS) ** 2
    sounding = np.any([block_power(side) > gate for side in sides], axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], sounding.astype(np.int8), [0]])))
    samples = len(sides[0])
    return tuple(
        (int(start) * BLOCK, min(int(stop) * BLOCK, samples))
        for start, stop in edges.reshape(-1, 2)
    )


class CorpusWriter:
    """Write pairs and the manifest into the folder of a corpus.

    An existing corpus is continued: ``done`` tells which pairs it already holds, with the same
    source and settings.

    A short manifest is written after each pair. Since a long manifest takes long to write, new rows
    are appended to a journal from ``MANIFEST_ROWS`` pairs on. The journal is merged into the
    manifest from time to time and by ``save``. If the process is killed, no row is lost, since the
    next writer of the folder reads the journal.

    Args:
        folder: folder of the corpus, which is created if it is missing.
        task: task of the pairs.
        sample_rate: in hertz.
        overwrite: whether to drop pairs of another task or sample rate that the folder holds.

    Raises:
        InputError: if the folder holds such pairs and ``overwrite`` is false.
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
            for row in read_rows(read_manifest_text(path), path):
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
        """The recorded pairs, by name."""
        return self._pairs

    def accepts(self, pair: Pair) -> bool:
        """Whether the pair has the task and the sample rate of the corpus."""
        return (pair.task, pair.sample_rate) == (self.task, self.sample_rate)

    def done(self, name: str, split: str, source_sha256: str, settings: Mapping[str, Any]) -> bool:
        """Whether the pair is completely on disk, made from the same source and settings."""
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
        """Write the WAV files of a pair; safe to call from several processes.

        If a side exceeds full scale, it is scaled to fit, which the gain of that side compensates.

        Args:
            input_audio: ``(samples,)`` float in [-1, 1], or int16.
            target_audio: the same length.
            name: path of the pair in the corpus, without extension.
            split: split of the pair.
            source: file that the pair is made from.
            source_sha256: its checksum.
            settings: what is needed to make the pair again.

        Returns:
            The pair, which ``record`` adds to the manifest.

        Raises:
            InputError: if the lengths differ, or a side is empty, silent or not finite.
        """
        if input_audio.shape != target_audio.shape or input_audio.ndim != 1:
            raise InputError(
                f"{name}: input {input_audio.shape} and target {target_audio.shape}; "
                "expected two signals of equal length"
            )
        paths, gains, leveled, sides = [], [], [], []
        for side, audio in (("input", input_audio), ("target", target_audio)):
            pcm = _to_pcm16(audio, f"{name}: {side}")
            level = measure_level(pcm / np.float32(32768))
            if level is None:
                raise InputError(f"{name}: {side} is silent (nothing above {GATE_DBFS:g} dBFS)")
            gain = gain_to_common_level(level)
            leveled.append(pcm * np.float32(gain / 32768))
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
            sounding=sounding_ranges(*leveled),
            source=source,
            source_sha256=source_sha256,
            settings=settings,
            altered=not np.array_equal(sides[0], sides[1]),
        )

    def record(self, *pairs: Pair) -> None:
        """Add written pairs to the manifest or its journal, replacing rows of the same names."""
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
        """Remove all other pairs from the manifest."""
        names = set(names)
        self._pairs = {name: pair for name, pair in self._pairs.items() if name in names}
        self.save()

    def save(self) -> None:
        """Write the manifest, including the rows of the journal, and remove the journal."""
        rows = {}
        for name, pair in self._pairs.items():
            rows[name] = self._rows.get(name) or format_row(pair)
        self._rows = rows
        text = "".join([format_header(), *(rows[name] for name in sorted(rows))])
        write_text(self.folder / MANIFEST, text)
        (self.folder / JOURNAL).unlink(missing_ok=True)
        self._journaled = 0

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the rows, which processes that only write pairs do not need."""
        return self.__dict__ | {"_pairs": {}, "_rows": {}}


def _to_pcm16(audio: np.ndarray, what: str) -> np.ndarray:
    if not len(audio):
        raise InputError(f"{what} holds no samples; give one that isn't empty")
    if audio.dtype == np.int16:
        return audio
    if not np.isfinite(audio).all():
        raise InputError(f"{what} holds NaN or infinity; give one with finite samples")
    peak = max(1.0, float(audio.max()), -float(audio.min()))
    scaled = audio * np.float32(32767.0 / peak)
    return np.rint(scaled, out=scaled).astype(np.int16)


def _wav_samples(path: Path) -> int | None:
    try:
        return soundfile.info(path).frames
    except (OSError, soundfile.SoundFileError):
        return None
