"""Write the recorded notes of a Gravis Ultrasound patch (.pat) as WAV files.

    python saved_models/phone-restoration/unpack_patch.py 026_Jazz_Guitar.pat notes/jazz-guitar

Debian's package `freepats` has such patches. Each file is named after its MIDI key, so that
`soundfont.py` can make a soundfont of the folder. A note that is recorded in part, and looped by a
synthesizer from there on, is written with its loop repeated up to 5 s. If the recorded part decays,
so does the loop. The format is that of "GF1 Patch Files", Gravis Ultrasound SDK, 1993.
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from tfaudiogan.audio.files import write_audio
from tfaudiogan.commands.running import run
from tfaudiogan.errors import InputError
from tfaudiogan.progress import console

app = typer.Typer(add_completion=False)

MAGIC = b"GF1PATCH110\0"
HEADERS = 239
"""Bytes of the headers of the file, its instrument and its layer."""

NOTES_AT = 198
"""Position of the number of notes in the layer's header."""

SAMPLE_HEADER = struct.Struct("<7sB3IH3IHB18xB40x")
SIXTEEN_BITS, UNSIGNED, LOOPED = 1, 2, 4
LONGEST_S = 5.0
DECAYING = -3.0
"""Change of level in dB per second below which a note decays."""


@dataclass(frozen=True)
class Note:
    """A note's MIDI key, its audio ``(samples,)``, and the sample rate at which it is in tune."""

    key: int
    audio: np.ndarray
    sample_rate: int


def read_patch(path: Path) -> list[Note]:
    """Read the notes of a patch.

    Raises:
        InputError: if the file does not exist, is not a patch, ends early, or has a note
            without a pitch.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a .pat file")
    data = path.read_bytes()
    if not data.startswith(MAGIC) or len(data) < HEADERS:
        raise InputError(f"{path} is not a Gravis Ultrasound patch")
    notes, position = [], HEADERS
    for _ in range(data[NOTES_AT]):
        header = data[position : position + SAMPLE_HEADER.size]
        if len(header) < SAMPLE_HEADER.size:
            raise InputError(f"{path} ends early; download it again")
        _, _, size, start, end, rate, _, _, root_mhz, _, _, modes = SAMPLE_HEADER.unpack(header)
        if not rate or not root_mhz:
            raise InputError(f"{path} has a note without a pitch or a sample rate")
        position += SAMPLE_HEADER.size
        audio = decode(data[position : position + size], modes)
        position += size
        if position > len(data):
            raise InputError(f"{path} ends early; download it again")
        width = 2 if modes & SIXTEEN_BITS else 1
        if modes & LOOPED and start < end <= size:
            audio = repeat_loop(audio, start // width, end // width, rate)
        key = round(69 + 12 * math.log2(root_mhz / 440_000))
        in_tune = rate * 440_000 * 2 ** ((key - 69) / 12) / root_mhz
        notes.append(Note(key, audio, round(in_tune)))
    return notes


def decode(data: bytes, modes: int) -> np.ndarray:
    """Return PCM of 8 or 16 bits, signed or unsigned, as floats from -1 to 1."""
    kind = ("u" if modes & UNSIGNED else "i") + ("2" if modes & SIXTEEN_BITS else "1")
    width = int(kind[1])
    audio = np.frombuffer(data[: len(data) // width * width], "<" + kind).astype(np.float32)
    half = np.float32(2 ** (8 * width - 1))
    return (audio - half) / half if modes & UNSIGNED else audio / half


def repeat_loop(audio: np.ndarray, start: int, end: int, sample_rate: int) -> np.ndarray:
    """Repeat the loop up to ``LONGEST_S``, and continue the decay of the part before it."""
    missing = max(0, int(LONGEST_S * sample_rate) - end)
    tail = np.resize(audio[start:end], missing)
    early, late = (
        level_db(audio[int(a * start) : int(b * start)]) for a, b in ((0.3, 0.6), (0.7, 1))
    )
    slope = (late - early) / max(0.4 * start / sample_rate, 1e-3)
    if slope < DECAYING:
        tail = tail * 10 ** (slope / 20 * np.arange(missing) / sample_rate)
    return np.concatenate([audio[:end], tail.astype(np.float32)])


def level_db(audio: np.ndarray) -> float:
    """Return the RMS level in dBFS."""
    return 20 * math.log10(math.sqrt(float(np.mean(audio**2)) if len(audio) else 0.0) + 1e-9)


@app.command()
def main(
    patch: Annotated[Path, typer.Argument(help="Patch (.pat).")],
    out: Annotated[Path, typer.Argument(help="Folder of the WAV files.")],
) -> None:
    """Write the notes of a patch as WAV files."""
    notes = read_patch(patch)
    for note in notes:
        write_audio(out / f"note {note.key}.wav", note.audio, note.sample_rate)
    console.print(f"wrote {out}: {len(notes)} notes")


if __name__ == "__main__":
    run(app, "unpack_patch.py")
