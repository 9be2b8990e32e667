"""Which programs a soundfont has, and which of them a corpus may use."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfaudiogan.errors import InputError
from tfaudiogan.making.synthesis import find_soundfont
from tfaudiogan.storage import checksum

MELODIC_PROGRAMS = (*range(96), 104, 105, 107, 108, 109, 110)
"""General MIDI programs, counted from 0, with pitches: without effects, percussion and noises."""

_DRUM_BANK = 128
_PRESET_BYTES = 38


@dataclass(frozen=True)
class Soundfont:
    """A soundfont and the programs that may be drawn from it.

    Attributes:
        path: of the SF2 or SF3 file.
        sha256: of its bytes.
        programs: General MIDI programs, counted from 0.
        drums: whether it has a drum kit.
    """

    path: Path
    sha256: str
    programs: tuple[int, ...]
    drums: bool


def read_presets(path: Path | str) -> frozenset[tuple[int, int]]:
    """Bank and program of each preset of a soundfont; drum kits are in bank 128.

    Raises:
        InputError: when the file is damaged.
    """
    path = Path(path)
    with path.open("rb") as stream:
        try:
            _, _, kind = struct.unpack("<4sI4s", stream.read(12))
            while kind == b"sfbk":
                name, length = struct.unpack("<4sI", stream.read(8))
                end = stream.tell() + length + length % 2
                if name == b"LIST" and stream.read(4) == b"pdta":
                    name, length = struct.unpack("<4sI", stream.read(8))
                    if name == b"phdr":
                        table = stream.read(length)
                        headers = struct.iter_unpack("<20sHHH3I", table)
                        return (
                            frozenset((bank, program) for _, program, bank, *_ in headers)
                            if (not length % _PRESET_BYTES)
                            else frozenset()
                        )
                stream.seek(end)
        except struct.error:
            pass
    raise InputError(f"{path} is damaged: it lists no presets; give another soundfont")


def parse_programs(text: str) -> frozenset[int]:
    """Programs of a list of numbers and ranges: ``"0-5,7"``.

    Raises:
        InputError: for anything else, and for numbers beyond 0 to 127.
    """
    programs: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            bounds = int(first), int(last) if dash else int(first)
        except ValueError:
            bounds = (-1, -1)
        if not 0 <= bounds[0] <= bounds[1] <= 127:
            raise InputError(f"programs {text!r}; expected numbers from 0 to 127, as in 0-5,7")
        programs.update(range(bounds[0], bounds[1] + 1))
    return frozenset(programs)


def choose_soundfonts(
    paths: Sequence[Path | str],
    programs: Sequence[str] = (),
    excluded: Sequence[str] = (),
) -> tuple[Soundfont, ...]:
    """Soundfonts with the programs that may be drawn from each.

    Args:
        paths: of the files; one that comes twice is drawn twice as often.
        programs: which may be drawn, ``MELODIC_PROGRAMS`` by default: lists as ``parse_programs``
            takes, for all soundfonts, or for one where its file's name without the suffix comes
            first: ``"TimGM6mb=0-11,13-95"``.
        excluded: which may not, likewise.

    Raises:
        InputError: when a file is no soundfont or has none of its programs, or a list is wrong.
    """
    found = [find_soundfont(path) for path in paths]
    stems = {path.stem for path in found}
    wanted, unwanted = _by_name(programs, stems), _by_name(excluded, stems)
    fonts = []
    for path in found:
        presets = read_presets(path)
        allowed = wanted.get(path.stem, wanted.get("", frozenset(MELODIC_PROGRAMS)))
        allowed = allowed - unwanted.get(path.stem, frozenset()) - unwanted.get("", frozenset())
        there = tuple(sorted(program for program in allowed if (0, program) in presets))
        if not there:
            raise InputError(f"{path} has none of the programs that are asked for; give others")
        drums = (_DRUM_BANK, 0) in presets
        fonts.append(Soundfont(path, checksum(path), there, drums))
    return tuple(fonts)


def _by_name(expressions: Sequence[str], stems: set[str]) -> dict[str, frozenset[int]]:
    """Programs by the soundfont's name; those for all soundfonts have the name ``""``."""
    by_name: dict[str, frozenset[int]] = {}
    for expression in expressions:
        name, equals, numbers = expression.rpartition("=")
        if equals and name not in stems:
            names = ", ".join(sorted(stems)) or "none"
            raise InputError(f"programs {expression!r}: the soundfonts are {names}")
        by_name[name] = by_name.get(name, frozenset()) | parse_programs(numbers)
    return by_name
