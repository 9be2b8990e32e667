"""MIDI performances: find them in a folder, read them safely, change how they will sound."""

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
    """One performance: a MIDI file, the piece that it performs, and its split.

    ``name`` is the file's path in its folder without the suffix, and the pair's path in a corpus.
    Performances of one piece have one ``piece``.
    """

    name: str
    path: Path
    piece: str
    split: str


@dataclass(frozen=True)
class Transformation:
    """How one side of a pair differs from the MIDI file as it is.

    ``program`` is a General MIDI program counted from 0 (0 acoustic grand, 4 electric piano 1);
    ``None`` leaves each instrument its own. ``velocity`` replaces that of every note.
    ``removed_controllers`` are controller numbers that are left out; ``fixed_controllers`` are
    pairs (number, value): the controller holds that value from beginning to end. Controller 64 is
    the sustain pedal.

    Example: ``Transformation(program=4, velocity=64, fixed_controllers=((64, 0),))`` is an
    electric piano without dynamics or pedal.

    Raises:
        TypeError: for what is not an integer.
        ValueError: for an integer that MIDI doesn't know: outside 0 to 127 (velocity: 1 to 127).
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
        """The performance with the changes made; ``midi`` itself stays as it is."""
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
        """The fields, ready for JSON."""
        return dataclasses.asdict(self)


def _check_range(name: str, value: Any, low: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is {value!r}; expected an integer")
    if not low <= value <= 127:
        raise ValueError(f"{name} is {value}; expected {low} to 127")


def find_midi_files(folder: Path | str) -> list[MidiFile]:
    """The MIDI files of a folder, sorted by name.

    A table in the MAESTRO layout, a CSV file in the folder itself with a column
    ``midi_filename``, says which files belong to it; its columns ``split``,
    ``canonical_composer`` and ``canonical_title`` give splits and pieces. Without a table every
    ``.mid`` and ``.midi`` file at any depth is a track and a piece. Where no split is given,
    ``corpus.assign_splits`` assigns the pieces.

    Raises:
        InputError: when the folder is missing or holds no MIDI file, or the table is damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give one that holds .mid or .midi files")
    table = _find_table(folder)
    tracks = _tracks_of_table(table) if table else _tracks_of_folder(folder)
    if not tracks:
        raise InputError(f"{table or folder} names no .mid or .midi file; give a folder with MIDI")
    return sorted(tracks, key=lambda track: track.name)


def _tracks_of_folder(folder: Path) -> list[MidiFile]:
    paths: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in place.parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            name = place.with_suffix("").as_posix()
            paths[place.as_posix() if name in paths else name] = path
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


def _tracks_of_table(table: Path) -> list[MidiFile]:
    tracks: dict[str, MidiFile] = {}
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), start=2):
            place = PurePosixPath(row["midi_filename"] or "")
            if place.suffix.lower() not in SUFFIXES or place.is_absolute() or ".." in place.parts:
                raise InputError(
                    f"{table}, line {number}: midi_filename is {row['midi_filename']!r}; "
                    "expected the path of a .mid or .midi file in this folder"
                )
            split = row.get("split") or ""
            if split and split not in SPLITS:
                raise InputError(
                    f"{table}, line {number}: split is {split!r}; expected {', '.join(SPLITS)}"
                )
            name = place.with_suffix("").as_posix()
            if name in tracks:
                raise InputError(f"{table}, line {number}: {place} is listed twice")
            work = [row.get("canonical_composer"), row.get("canonical_title")]
            piece = ": ".join(part for part in work if part) or name
            tracks[name] = MidiFile(name, table.parent / place, piece, split)
    splits = assign_splits(track.piece for track in tracks.values() if not track.split)
    return [
        track if track.split else dataclasses.replace(track, split=splits[track.piece])
        for track in tracks.values()
    ]


def read_midi(path: Path | str) -> pretty_midi.PrettyMIDI:
    """Read a MIDI file and keep the instruments that have notes, drums left out.

    Raises:
        InputError: naming the file, when it is missing, corrupt, empty, without notes, drums
            only, larger than ``MAX_BYTES`` or longer than ``MAX_SECONDS``.
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
            f"{path} is enormous ({size / 2**20:.1f} MiB); MIDI files up to "
            f"{MAX_BYTES // 2**20} MiB are read"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            midi = pretty_midi.PrettyMIDI(str(path))
    except Exception as error:  # the parsers raise whatever the damage leads to
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
