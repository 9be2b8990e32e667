"""MIDI performances: finding them in a folder, reading them safely, and transforming them."""

import copy
import csv
import dataclasses
import warnings
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pretty_midi

from tfaudiogan.corpus.splits import SPLITS, assign_splits
from tfaudiogan.errors import InputError

SUFFIXES = (".mid", ".midi")
MAX_BYTES = 4 * 2**20
MAX_SECONDS = 3 * 3600.0


@dataclass(frozen=True)
class MidiFile:
    """A MIDI file with one performance of a piece.

    Attributes:
        name: path in its folder without the suffix, and the pair's path in a corpus.
        path: path of the file.
        piece: the piece, which several performances may share.
        split: split of the piece.
    """

    name: str
    path: Path
    piece: str
    split: str


@dataclass(frozen=True)
class Transformation:
    """How one side of a pair differs from its MIDI file.

    Args:
        program: General MIDI program of all instruments, counted from 0 (0 is the acoustic grand
            piano, 4 an electric piano); ``None`` keeps each instrument's program.
        velocity: velocity of all notes; ``None`` keeps each note's velocity.
        removed_controllers: numbers of controllers to remove.
        fixed_controllers: pairs (number, value) of controllers that keep a value from beginning to
            end. Controller 64 is the sustain pedal.

    Raises:
        TypeError: if a value is not an integer.
        ValueError: if a value is not from 0 to 127 (1 to 127 for the velocity).

    Example: ``Transformation(program=4, velocity=64, fixed_controllers=((64, 0),))`` is an
    electric piano without dynamics or pedal.
    """

    program: int | None = None
    velocity: int | None = None
    removed_controllers: tuple[int, ...] = ()
    fixed_controllers: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.program is not None:
            _check_range("program", self.program, 0)
        if self.velocity is not None:
            _check_range("velocity", self.velocity, 1)
        for number in self.removed_controllers:
            _check_range("removed controller", number, 0)
        for number, value in self.fixed_controllers:
            _check_range("fixed controller", number, 0)
            _check_range(f"value of controller {number}", value, 0)

    def apply(self, midi: pretty_midi.PrettyMIDI) -> pretty_midi.PrettyMIDI:
        """Return the transformed performance; ``midi`` itself is not changed."""
        changed = copy.copy(midi)
        changed.instruments = [self._apply_to_instrument(i) for i in midi.instruments]
        return changed

    def _apply_to_instrument(self, instrument: pretty_midi.Instrument) -> pretty_midi.Instrument:
        changed = copy.copy(instrument)
        if self.program is not None:
            changed.program = self.program
        if self.velocity is not None:
            changed.notes = [
                pretty_midi.Note(self.velocity, note.pitch, note.start, note.end)
                for note in instrument.notes
            ]
        fixed = dict(self.fixed_controllers)
        changed.control_changes = [
            pretty_midi.ControlChange(number, value, 0.0) for number, value in fixed.items()
        ] + [
            change
            for change in instrument.control_changes
            if change.number not in fixed and change.number not in self.removed_controllers
        ]
        return changed

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return dataclasses.asdict(self)


def _check_range(name: str, value: Any, low: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is {value!r}; expected an integer")
    if not low <= value <= 127:
        raise ValueError(f"{name} is {value}; expected {low} to 127")


def find_midi_files(folder: Path | str) -> list[MidiFile]:
    """Find the MIDI files of a folder, sorted by name.

    A table in the MAESTRO layout, which is a CSV file in the folder with a column
    ``midi_filename``, lists the files; its columns ``split``, ``canonical_composer`` and
    ``canonical_title`` determine splits and pieces. Without a table, every ``.mid`` and ``.midi``
    file at any depth is found, each with its own piece. Pieces without a split are assigned to one
    by ``corpus.splits.assign_splits``.

    Raises:
        InputError: if the folder is missing or holds no MIDI file, or the table is damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give one that holds .mid or .midi files")
    table = _find_table(folder)
    files = _files_of_table(table) if table else _files_of_folder(folder)
    if not files:
        raise InputError(
            f"{table or folder} has no .mid or .midi file; give a folder with MIDI files"
        )
    return sorted(files, key=lambda file: file.name)


def _files_of_folder(folder: Path) -> list[MidiFile]:
    paths: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            name = relative.with_suffix("").as_posix()
            paths[relative.as_posix() if name in paths else name] = path
    splits = assign_splits(paths)
    return [MidiFile(name, path, name, splits[name]) for name, path in paths.items()]


def _find_table(folder: Path) -> Path | None:
    tables = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            columns = stream.readline().split(",")
        if "midi_filename" in [column.strip().strip('"') for column in columns]:
            tables.append(path)
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables)
        raise InputError(f"{folder} has several tables ({names}); keep one of them")
    return tables[0] if tables else None


def _files_of_table(table: Path) -> list[MidiFile]:
    files: dict[str, MidiFile] = {}
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), start=2):
            path = PurePosixPath(row["midi_filename"] or "")
            if path.suffix.lower() not in SUFFIXES or path.is_absolute() or ".." in path.parts:
                raise InputError(
                    f"{table}, line {number}: midi_filename is {row['midi_filename']!r}; "
                    "expected the path of a .mid or .midi file in this folder"
                )
            split = row.get("split") or ""
            if split and split not in SPLITS:
                raise InputError(
                    f"{table}, line {number}: split is {split!r}; expected {', '.join(SPLITS)}"
                )
            name = path.with_suffix("").as_posix()
            if name in files:
                raise InputError(f"{table}, line {number}: {path} is listed twice")
            work = [row.get("canonical_composer"), row.get("canonical_title")]
            piece = ": ".join(part for part in work if part) or name
            files[name] = MidiFile(name, table.parent / path, piece, split)
    splits = assign_splits(file.piece for file in files.values() if not file.split)
    return [
        file if file.split else dataclasses.replace(file, split=splits[file.piece])
        for file in files.values()
    ]


def read_midi(path: Path | str) -> pretty_midi.PrettyMIDI:
    """Read a MIDI file, keeping the instruments that have notes, except drums.

    Raises:
        InputError: if the file is missing, damaged, empty, has no notes or only drums, is larger
            than ``MAX_BYTES``, or longer than ``MAX_SECONDS``.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if not size:
        raise InputError(f"{path} is empty (0 bytes)")
    if size > MAX_BYTES:
        raise InputError(
            f"{path} is too large ({size / 2**20:.1f} MiB); MIDI files up to "
            f"{MAX_BYTES // 2**20} MiB are read"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            midi = pretty_midi.PrettyMIDI(str(path))
    except Exception as error:  # Damaged files make the parsers raise many exceptions.
        reason = " ".join(f"{type(error).__name__} {error}".split())
        raise InputError(f"{path} is not a readable MIDI file: {reason}") from error
    played = [instrument for instrument in midi.instruments if instrument.notes]
    if not played:
        raise InputError(f"{path} has no notes")
    midi.instruments = [instrument for instrument in played if not instrument.is_drum]
    if not midi.instruments:
        raise InputError(f"{path} has drums only")
    end = max(note.end for instrument in midi.instruments for note in instrument.notes)
    if end > MAX_SECONDS:
        raise InputError(
            f"{path} is {end / 3600:.1f} hours long; up to {MAX_SECONDS / 3600:g} hours are read"
        )
    return midi
