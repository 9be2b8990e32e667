"""The programs that soundfonts have, and those that a corpus may use."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfaudiogan.errors import InputError
from tfaudiogan.making.synthesis import find_soundfont
from tfaudiogan.storage import checksum

MELODIC_PROGRAMS = (*range(96), 104, 105, 107, 108, 109, 110)
"""General MIDI programs with a pitch, counted from 0: no effects, percussion or noises."""

_DRUM_BANK = 128
_PRESET_BYTES = 38


@dataclass(frozen=True)
class Soundfont:
    """A soundfont and the programs that may be drawn from it.

    Attributes:
        path: path of the SF2 or SF3 file.
        sha256: checksum of that file.
        programs: General MIDI programs, counted from 0.
        drums: whether the soundfont has a drum kit.
    """

    path: Path
    sha256: str
    programs: tuple[int, ...]
    drums: bool


def read_presets(path: Path | str) -> frozenset[tuple[int, int]]:
    """Read bank and program of each preset of a soundfont; drum kits are in bank 128.

    Raises:
        InputError: if the file is damaged.
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
                        # The last record only ends the list (SoundFont 2.01 specification, 7.2).
                        table = stream.read(length)[:-_PRESET_BYTES]
                        headers = struct.iter_unpack("<20sHHH3I", table)
                        return frozenset((bank, program) for _, program, bank, *_ in headers)
                stream.seek(end)
        except struct.error:
            pass
    raise InputError(f"{path} is damaged: it lists no presets; give another soundfont")


def parse_programs(text: str) -> frozenset[int]:
    """Parse a list of numbers and ranges of programs, such as ``"0-5,7"``.

    Raises:
        InputError: if the text is not such a list, or a number is not from 0 to 127.
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
    """Read soundfonts, and choose the programs that may be drawn from each.

    Args:
        paths: paths of the soundfonts; one that is given twice is drawn twice as often.
        programs: lists of programs that may be drawn (``parse_programs``), by default
            ``MELODIC_PROGRAMS``. A list applies to all soundfonts, or to one if it follows the name
            of its file without the suffix, as in ``"TimGM6mb=0-11,13-95"``.
        excluded: lists of programs that may not be drawn, in the same form.

    Raises:
        InputError: if a file is not a soundfont or has none of its programs, or a list is invalid.
    """
    soundfont_paths = [find_soundfont(path) for path in paths]
    stems = {path.stem for path in soundfont_paths}
    wanted, unwanted = _by_name(programs, stems), _by_name(excluded, stems)
    fonts = []
    for path in soundfont_paths:
        presets = read_presets(path)
        allowed = wanted.get(path.stem, wanted.get("", frozenset(MELODIC_PROGRAMS)))
        allowed = allowed - unwanted.get(path.stem, frozenset()) - unwanted.get("", frozenset())
        available = tuple(sorted(program for program in allowed if (0, program) in presets))
        if not available:
            raise InputError(f"{path} has none of the chosen programs; choose others")
        drums = (_DRUM_BANK, 0) in presets
        fonts.append(Soundfont(path, checksum(path), available, drums))
    return tuple(fonts)


def _by_name(expressions: Sequence[str], stems: set[str]) -> dict[str, frozenset[int]]:
    """Return programs by the soundfont's name, which is ``""`` for all soundfonts."""
    by_name: dict[str, frozenset[int]] = {}
    for expression in expressions:
        name, equals, numbers = expression.rpartition("=")
        if equals and name not in stems:
            names = ", ".join(sorted(stems)) or "none"
            raise InputError(f"programs {expression!r}; expected one of the soundfonts {names}")
        by_name[name] = by_name.get(name, frozenset()) | parse_programs(numbers)
    return by_name
