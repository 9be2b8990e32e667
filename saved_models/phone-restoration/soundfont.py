"""Make a soundfont from recordings of single notes, for timbres that no packaged soundfont has.

    python saved_models/phone-restoration/soundfont.py sampled.sf2 0=samples/piano 40=samples/violin
    python saved_models/phone-restoration/soundfont.py grand.sf2 "0+12=samples/MF *.flac"
    python saved_models/phone-restoration/soundfont.py guitar.sf2 25=samples/guitar.sfz

Each argument after the first is a General MIDI program, counted from 0, and the recordings of its
notes: a folder, a pattern of file names, or an SFZ file whose regions name a sample and its key. In
a folder, the names of the recordings begin or end with a note, as in `C4.mp3`, `F#3v10.ogg` or
`soft As2.wav`, or end with a MIDI key, as in `soft 46.wav`. `0+12` raises all notes by an octave,
for names that count octaves from another one. Every recording plays the keys closest to its note,
at most 8 s, in mono and without a loop. Notes of a program keep their relative levels.
"""

import itertools
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from tfaudiogan.audio.files import read_audio
from tfaudiogan.commands.running import run
from tfaudiogan.errors import InputError
from tfaudiogan.making.sources import find_recordings
from tfaudiogan.progress import console
from tfaudiogan.storage import replacing

app = typer.Typer(add_completion=False)

LONGEST_S = 8.0
FADE_S = 0.05
ONSET = 0.01
"""Share of a note's peak at which it begins; 5 ms before are kept."""

GUARD = 46
"""Silent samples after each recording (SoundFont 2.01 specification, section 7.10)."""

KEY_RANGE, RELEASE, INSTRUMENT, SAMPLE = 43, 38, 41, 53
RELEASE_TIMECENTS = -1200
"""Release of half a second."""

NOTE = r"([A-G])(#|s|b)?(-?\d)"
SEMITONES = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))


@dataclass(frozen=True)
class Note:
    """A recorded note, ``(samples,)``, its MIDI key and its sample rate in hertz."""

    key: int
    audio: np.ndarray
    sample_rate: int


def key_of(name: str) -> int:
    """Return the MIDI key of a file's name.

    Raises:
        InputError: if the name neither begins nor ends with a note.
    """
    stem = Path(name).stem
    match = re.match(NOTE, stem) or re.search(rf"[ _-]{NOTE}$", stem)
    if match is not None:
        accidental = {"#": 1, "s": 1, "b": -1}.get(match[2], 0)
        return 12 * (int(match[3]) + 1) + SEMITONES[match[1]] + accidental
    number = re.search(r"[ _-](\d{1,3})$", stem)
    if number is None or int(number[1]) > 127:
        raise InputError(f"{name} does not begin or end with a note such as C4, F#3 or 60")
    return int(number[1])


def recordings_of(source: Path) -> dict[Path, int]:
    """Return the recordings of a folder, a pattern or an SFZ file, and the key of each."""
    if source.suffix.lower() == ".sfz":
        if not source.is_file():
            raise InputError(f"{source} does not exist; give an SFZ file")
        regions = source.read_text(encoding="utf-8", errors="replace").split("<region>")[1:]
        found = [re.search(r"sample=(.+?\.\w{3,4})(?=\s|$)", region) for region in regions]
        keys = [re.search(r"pitch_keycenter=(\d+)", region) for region in regions]
        return {
            source.parent / sample[1].replace("\\", "/"): int(key[1])
            for sample, key in zip(found, keys, strict=True)
            if sample and key
        }
    if source.is_dir():
        paths = list(find_recordings(source).values())
    else:
        paths = sorted(source.parent.glob(source.name))
    return {path: key_of(path.name) for path in paths}


def read_notes(source: Path, semitones: int = 0) -> list[Note]:
    """Read recorded notes in order of their keys, scaled to a common peak.

    Args:
        source: folder, pattern of file names, or SFZ file.
        semitones: number added to all keys.

    Raises:
        InputError: if there are no recordings, or one cannot be read, is silent or has no key.
    """
    notes = []
    for path, key in recordings_of(source).items():
        if not 0 <= key + semitones <= 127:
            raise InputError(f"{path} has the key {key + semitones}; expected 0 to 127")
        audio, rate = read_audio(path, mono=True)
        if not audio.any():
            raise InputError(f"{path} is silent; remove it")
        onset = int(np.argmax(np.abs(audio) > ONSET * np.abs(audio).max()))
        audio = audio[max(0, onset - rate // 200) :][: int(LONGEST_S * rate)]
        fade = min(len(audio), int(FADE_S * rate))
        audio[len(audio) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
        notes.append(Note(key + semitones, audio, rate))
    if not notes:
        raise InputError(f"{source} holds no recordings; give a folder of WAV, FLAC, Ogg or MP3")
    peak = max(float(np.abs(note.audio).max()) for note in notes)
    # Of several recordings of a note, the last one is kept.
    by_key = {n.key: Note(n.key, n.audio / peak, n.sample_rate) for n in notes}
    return [by_key[key] for key in sorted(by_key)]


def chunk(name: str, data: bytes) -> bytes:
    """Return a RIFF chunk, padded to an even length."""
    return name.encode() + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def riff(name: bytes, samples: list[bytes], hydra: dict[str, bytes]) -> bytes:
    """Return a soundfont of samples in 16 bits and the lists of records that describe them."""
    information = chunk("ifil", struct.pack("<HH", 2, 1)) + chunk("isng", b"EMU8000\0")
    lists = (
        b"INFO" + information + chunk("INAM", name),
        b"sdta" + chunk("smpl", b"".join(samples)),
        b"pdta" + b"".join(chunk(key, records) for key, records in hydra.items()),
    )
    return chunk("RIFF", b"sfbk" + b"".join(chunk("LIST", data) for data in lists))


def soundfont(programs: dict[int, list[Note]]) -> bytes:
    """Return a soundfont with one preset and one instrument for each program."""
    presets, preset_bags, preset_generators = b"", b"", b""
    instruments, bags, generators, headers = b"", b"", b"", b""
    samples: list[bytes] = []
    position = zones = count = 0
    for index, (program, notes) in enumerate(sorted(programs.items())):
        name = f"program {program}".encode()
        presets += struct.pack("<20sHHHIII", name, program, 0, index, 0, 0, 0)
        preset_bags += struct.pack("<HH", index, 0)
        preset_generators += struct.pack("<HH", INSTRUMENT, index)
        instruments += struct.pack("<20sH", name, zones)
        borders = [(a.key + b.key) // 2 for a, b in itertools.pairwise(notes)]
        for low, high, note in zip(
            [0, *(b + 1 for b in borders)], [*borders, 127], notes, strict=True
        ):
            bags += struct.pack("<HH", count, 0)
            generators += struct.pack("<HBB", KEY_RANGE, low, high)
            generators += struct.pack("<Hh", RELEASE, RELEASE_TIMECENTS)
            generators += struct.pack("<HH", SAMPLE, zones)
            count += 3
            end = position + len(note.audio)
            bounds = (position, end, position, end)
            headers += struct.pack(
                "<20s5IBbHH", b"%d" % note.key, *bounds, note.sample_rate, note.key, 0, 0, 1
            )
            samples.append((note.audio * 30_000).astype("<i2").tobytes() + bytes(2 * GUARD))
            position = end + GUARD
            zones += 1
    presets += struct.pack("<20sHHHIII", b"EOP", 0, 0, len(programs), 0, 0, 0)
    hydra = {
        "phdr": presets,
        "pbag": preset_bags + struct.pack("<HH", len(programs), 0),
        "pmod": bytes(10),
        "pgen": preset_generators + bytes(4),
        "inst": instruments + struct.pack("<20sH", b"EOI", zones),
        "ibag": bags + struct.pack("<HH", count, 0),
        "imod": bytes(10),
        "igen": generators + bytes(4),
        "shdr": headers + struct.pack("<20s5IBbHH", b"EOS", *[0] * 9),
    }
    return riff(b"notes\0", samples, hydra)


@app.command()
def main(
    out: Annotated[Path, typer.Argument(help="Soundfont to write.")],
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="PROGRAM=SOURCE...", help="Folder, pattern or SFZ file, repeatable."
        ),
    ],
) -> None:
    """Make a soundfont from recorded notes."""
    programs = {}
    for expression in sources:
        match = re.fullmatch(r"(\d{1,3})([+-]\d+)?=(.+)", expression)
        if match is None or int(match[1]) > 127:
            raise InputError(f"{expression!r}; expected PROGRAM=SOURCE, as in 40=samples/violin")
        programs[int(match[1])] = read_notes(Path(match[3]), int(match[2] or 0))
    with replacing(out) as temporary:
        temporary.write_bytes(soundfont(programs))
    console.print(f"wrote {out}: {len(programs)} programs")


if __name__ == "__main__":
    run(app, "soundfont.py")
