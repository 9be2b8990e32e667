"""Join soundfonts of single programs into one without compression.

    python saved_models/phone-restoration/join_soundfonts.py bank.sf2 bank

Some collections publish a General MIDI bank as one small file for each program, whose samples are
compressed (SF3). FluidSynth renders with a single soundfont, and would decompress its samples for
each performance. The layout of the file is that of the SoundFont 2.01 specification, section 7.
"""

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import typer
from soundfont import GUARD, INSTRUMENT, SAMPLE, riff

from tfaudiogan.commands.running import run
from tfaudiogan.errors import InputError
from tfaudiogan.making.synthesis import find_soundfont
from tfaudiogan.progress import console, progress_bar
from tfaudiogan.storage import replacing

app = typer.Typer(add_completion=False)

COMPRESSED = 0x10
"""Flag of a sample's type in SF3."""

GENERATOR = np.dtype([("operator", "<u2"), ("amount", "<u2")])
BAG = np.dtype([("generator", "<u2"), ("modulator", "<u2")])
MODULATOR = np.dtype("V10")
PRESET = np.dtype(
    [("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("rest", "V12")]
)
INSTRUMENT_HEADER = np.dtype([("name", "S20"), ("bag", "<u2")])
SAMPLE_HEADER = np.dtype(
    [
        *[("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop", "<u4"), ("loop_end", "<u4")],
        *[("rate", "<u4"), ("key", "u1"), ("correction", "i1"), ("link", "<u2"), ("type", "<u2")],
    ]
)
RECORDS = {
    "phdr": PRESET,
    "pbag": BAG,
    "pmod": MODULATOR,
    "pgen": GENERATOR,
    "inst": INSTRUMENT_HEADER,
    "ibag": BAG,
    "imod": MODULATOR,
    "igen": GENERATOR,
    "shdr": SAMPLE_HEADER,
}
"""Record type of each list; the last record of a list is a terminal one."""

MOST_RECORDS = 65_535
"""Most records that an index of 16 bits can count."""


@dataclass
class Soundfont:
    """Records of a soundfont by list, each with a terminal one, and its samples in 16 bits."""

    records: dict[str, np.ndarray]
    samples: list[np.ndarray]


def chunks(data: bytes) -> dict[str, bytes]:
    """Return the chunks of a RIFF file by name; lists are entered."""
    found, position = {}, 0
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 8 + size]
        if name in (b"RIFF", b"LIST"):
            found |= chunks(body[4:])
        else:
            found[name.decode("latin-1")] = body
        position += 8 + size
        # Some writers do not pad chunks of an odd size.
        position += size % 2 and data[position : position + 1] == b"\0"
    return found


def read_soundfont(path: Path) -> Soundfont:
    """Read a soundfont, and decompress its samples.

    Raises:
        InputError: if it is not a soundfont, or is damaged.
    """
    found = chunks(find_soundfont(path).read_bytes())
    try:
        records = {name: np.frombuffer(found[name], kind) for name, kind in RECORDS.items()}
        headers = records["shdr"] = records["shdr"].copy()
        samples = []
        for header in headers[:-1]:
            audio, loop = read_sample(found["smpl"], header)
            header["loop"], header["loop_end"] = loop
            header["type"] &= 0xFFFF ^ COMPRESSED
            samples.append(audio)
    except (KeyError, ValueError, soundfile.LibsndfileError) as error:
        raise InputError(f"{path} is damaged; give another soundfont") from error
    return Soundfont(records, samples)


def files_of(part: Path) -> list[Path]:
    """Return the soundfonts of a folder, or the file itself.

    Raises:
        InputError: if the folder has none.
    """
    if not part.is_dir():
        return [part]
    files = sorted(path for path in part.iterdir() if path.suffix.lower() in (".sf2", ".sf3"))
    if not files:
        raise InputError(f"{part} holds no soundfonts; give a folder with .sf2 or .sf3 files")
    return files


def read_sample(data: bytes, header: np.void) -> tuple[np.ndarray, tuple[int, int]]:
    """Return a sample in 16 bits, and where its loop begins and ends, relative to its start."""
    start, end = int(header["start"]), int(header["end"])
    loop = int(header["loop"]), int(header["loop_end"])
    if header["type"] & COMPRESSED:
        # Positions of a compressed sample count bytes, but those of its loop are relative.
        return soundfile.read(io.BytesIO(data[start:end]), dtype="int16")[0], loop
    audio = np.frombuffer(data[2 * start : 2 * end], "<i2")
    return audio, (max(0, loop[0] - start), max(0, loop[1] - start))


def join(soundfonts: list[Soundfont]) -> bytes:
    """Return a soundfont that has the programs of several.

    Raises:
        InputError: if it would have more records than the format can count.
    """
    for name in RECORDS:
        if sum(len(soundfont.records[name]) - 1 for soundfont in soundfonts) >= MOST_RECORDS:
            raise InputError(f"the soundfonts have {MOST_RECORDS} records or more; give fewer")
    parts: dict[str, list[np.ndarray]] = {name: [] for name in RECORDS}
    counts = dict.fromkeys(RECORDS, 0)
    samples: list[bytes] = []
    position = 0
    for soundfont in soundfonts:
        records = {name: values.copy() for name, values in soundfont.records.items()}
        for header, bag, generator, modulator in (
            ("phdr", "pbag", "pgen", "pmod"),
            ("inst", "ibag", "igen", "imod"),
        ):
            records[header]["bag"] += counts[bag]
            records[bag]["generator"] += counts[generator]
            records[bag]["modulator"] += counts[modulator]
        for name, operator, header in (("pgen", INSTRUMENT, "inst"), ("igen", SAMPLE, "shdr")):
            records[name]["amount"][records[name]["operator"] == operator] += counts[header]
        headers = records["shdr"]
        headers["link"] += counts["shdr"]
        for header, audio in zip(headers[:-1], soundfont.samples, strict=True):
            header["start"], header["end"] = position, position + len(audio)
            header["loop"] += position
            header["loop_end"] += position
            samples.append(audio.astype("<i2").tobytes() + bytes(2 * GUARD))
            position += len(audio) + GUARD
        for name, values in records.items():
            parts[name].append(values[:-1])
            counts[name] += len(values) - 1
    ends = {name: np.zeros(1, kind) for name, kind in RECORDS.items()}
    ends["phdr"]["name"], ends["inst"]["name"], ends["shdr"]["name"] = b"EOP", b"EOI", b"EOS"
    ends["phdr"]["bag"], ends["inst"]["bag"] = counts["pbag"], counts["ibag"]
    for bag, generator, modulator in (("pbag", "pgen", "pmod"), ("ibag", "igen", "imod")):
        ends[bag]["generator"], ends[bag]["modulator"] = counts[generator], counts[modulator]
    hydra = {name: np.concatenate([*parts[name], ends[name]]).tobytes() for name in RECORDS}
    return riff(b"joined\0\0", samples, hydra)


@app.command()
def main(
    out: Annotated[Path, typer.Argument(help="Soundfont to write.")],
    parts: Annotated[list[Path], typer.Argument(help="Soundfonts, or folders of them.")],
) -> None:
    """Join soundfonts into one."""
    paths = [path for part in parts for path in files_of(part)]
    soundfonts = []
    with progress_bar() as progress:
        bar = progress.add_task("Reading", total=len(paths), status="")
        for path in paths:
            soundfonts.append(read_soundfont(path))
            progress.update(bar, advance=1, status=path.name)
    with replacing(out) as temporary:
        temporary.write_bytes(join(soundfonts))
    console.print(f"wrote {out}: {sum(len(s.records['phdr']) - 1 for s in soundfonts)} programs")


if __name__ == "__main__":
    run(app, "join_soundfonts.py")
