"""Select the recordings of a folder that are fit to be targets: long enough, with all bands.

    python saved_models/phone-restoration/recordings.py unpacked recordings

Many lossy recordings end at 15 to 17 kHz. A network that is trained with such targets learns to
remove what is above. The recordings that are long enough and not cut off are linked in the second
folder, with the same relative paths.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import typer

from tfaudiogan.commands.running import run
from tfaudiogan.errors import InputError
from tfaudiogan.making.sources import find_recordings
from tfaudiogan.progress import console, progress_bar

app = typer.Typer(add_completion=False)

SHORTEST_S = 25.0
LOWEST_RATE = 44_100
FULL_HZ = 18_000
"""Frequency at which a recording with all bands may end."""

BANDS_HZ = range(10_000, 20_000, 1000)
CUT_DB = 14.0
"""Fall of the level from one band to the next at which a recording ends."""

POSITIONS, FRAMES, N_FFT = 6, 8, 4096


def end_of_spectrum(path: Path) -> float:
    """Return the frequency in hertz at which a recording is cut off, or 20 kHz if it is not.

    That is the lower edge of the first band of 1 kHz, from 11 kHz on, whose mean level in dB is
    ``CUT_DB`` below that of the band before it, in frames from six positions of the recording.
    """
    with soundfile.SoundFile(path) as file:
        power = np.zeros(N_FFT // 2 + 1)
        for position in range(POSITIONS):
            file.seek(int((position + 0.5) / (POSITIONS + 0.5) * file.frames))
            audio = file.read(FRAMES * N_FFT, always_2d=True).mean(axis=1)
            frames = audio[: len(audio) // N_FFT * N_FFT].reshape(-1, N_FFT) * np.hanning(N_FFT)
            power += np.square(np.abs(np.fft.rfft(frames))).sum(axis=0)
        frequencies = np.fft.rfftfreq(N_FFT, 1 / file.samplerate)
    level = 10 * np.log10(power + 1e-12)
    bands = [level[(frequencies >= low) & (frequencies < low + 1000)].mean() for low in BANDS_HZ]
    for low, before, band in zip(BANDS_HZ[1:], bands[:-1], bands[1:], strict=True):
        if band < before - CUT_DB:
            return low
    return BANDS_HZ.stop


def is_fit(path: Path) -> bool:
    """Return whether a recording can be read, is long enough and has all bands."""
    try:
        info = soundfile.info(path)
        long = info.duration >= SHORTEST_S and info.samplerate >= LOWEST_RATE
        return long and end_of_spectrum(path) >= FULL_HZ
    except soundfile.LibsndfileError:
        return False


@app.command()
def main(
    source: Annotated[Path, typer.Argument(help="Folder of recordings.")],
    out: Annotated[Path, typer.Argument(help="Folder of links to the selected recordings.")],
) -> None:
    """Link the recordings that are long enough and have all bands."""
    if out.resolve().is_relative_to(source.resolve()):
        raise InputError(f"{out} is in {source}; give a folder outside of it")
    recordings = find_recordings(source)
    if not recordings:
        raise InputError(f"{source} holds no recordings; give a folder of WAV, FLAC, Ogg or MP3")
    selected = 0
    with progress_bar() as progress:
        bar = progress.add_task("Selecting", total=len(recordings), status="")
        for path in recordings.values():
            progress.update(bar, advance=1, status=path.name)
            if is_fit(path):
                link = out / path.relative_to(source)
                link.parent.mkdir(parents=True, exist_ok=True)
                if link.exists() and not link.is_symlink():
                    raise InputError(f"{link} is not a link; give another folder, or remove it")
                link.unlink(missing_ok=True)
                link.symlink_to(path.resolve())
                selected += 1
    console.print(f"selected {selected} of {len(recordings)} recordings in {out}")


if __name__ == "__main__":
    run(app, "recordings.py")
