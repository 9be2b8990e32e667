"""Measure the speed and memory of enhancing recordings: ``python -m benchmarks.enhance``."""

import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from tfaudiogan.commands.running import run
from tfaudiogan.config import preset
from tfaudiogan.errors import InputError
from tfaudiogan.export.benchmark import peak_bytes
from tfaudiogan.progress import progress_bar

SAMPLE_RATE, CHANNELS = 44100, 2

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@dataclass(frozen=True)
class FileMeasurement:
    """The measurement of enhancing a file in a separate process.

    Attributes:
        seconds: time without starting Python and loading the model.
        peak_mb: peak memory of the process, including TensorFlow, in 10^6 bytes.
        batch: windows that were enhanced at once.
    """

    seconds: float
    peak_mb: float
    batch: int


def write_model(name: str, path: Path) -> Path:
    """Write a preset's generator as training does, with its initial weights."""
    from tfaudiogan.inference.metadata import ModelMetadata, write_metadata
    from tfaudiogan.models import LINKED_CHANNELS, hop_of, is_spectral
    from tfaudiogan.training.build import generator_from_config

    config = preset(name)
    generator = generator_from_config(config)
    generator.save(path)
    channels = LINKED_CHANNELS if is_spectral(generator) else 1
    hop = hop_of(generator) or 0
    write_metadata(path, ModelMetadata(SAMPLE_RATE, config.window, channels=channels, hop=hop))
    return path


def write_recording(path: Path, minutes: float, sample_rate: int) -> Path:
    """Write a file of stereo noise, second by second."""
    import soundfile

    rng = np.random.default_rng(0)
    seconds = max(1, round(60 * minutes))
    with soundfile.SoundFile(path, "w", sample_rate, CHANNELS, "PCM_16") as file:
        for _ in range(seconds):
            file.write(rng.normal(0, 0.1, (sample_rate, CHANNELS)).astype("f4"))
    return path


def measure(model: Path, recording: Path, output: Path, batch: int | None) -> FileMeasurement:
    """Enhance a file with ``batch`` windows at once, by default those of the package.

    Call it in a new process.
    """
    from tfaudiogan.inference import enhance, load

    loaded = load.load_model(model, fuse=True)
    if batch is not None:
        load.MAX_BATCH_WINDOWS = batch
        load.MAX_BATCH_SAMPLES = batch * loaded.metadata.window * loaded.metadata.channels
    loaded(np.zeros((loaded.batch_size, loaded.metadata.window), np.float32))
    begin = time.perf_counter()
    enhance.enhance_file(loaded, recording, output)
    return FileMeasurement(time.perf_counter() - begin, peak_bytes() / 1e6, loaded.batch_size)


@app.command(
    epilog="Examples: [b]python -m benchmarks.enhance[/]; "
    "[b]... --model saved_models/piano-mobile/piano-mobile.keras[/]; "
    "[b]... --preset restoration --minutes 20[/], the spectral generator at 44.1 kHz; "
    "[b]... --minutes 2 --batch 4 --batch 8 --batch 16 --batch 32[/]"
)
def main(
    model: Annotated[
        Path | None, typer.Option(help="A .keras file; by default, a new model of the preset.")
    ] = None,
    preset_name: Annotated[
        str,
        typer.Option("--preset", help="Preset of the new model: paper, mobile, restoration …"),
    ] = "paper",
    minutes: Annotated[float, typer.Option(min=0.01, help="Length of the stereo recording.")] = 60,
    batch: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Windows at once; those of the package by default."),
    ] = None,
) -> None:
    """Measure speed and peak memory for each number of windows at once, on stereo noise."""
    from tfaudiogan.inference.metadata import read_metadata

    if model is not None and not model.is_file():
        raise InputError(f"{model} is not a file; give a .keras file")
    batches: Sequence[int | None] = batch or [None]
    table = Table(f"{minutes:g} minutes, {CHANNELS} channels", box=None)
    for heading in ("seconds", "x real time", "peak MB"):
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory() as name, progress_bar() as bar:
        folder = Path(name)
        task = bar.add_task("enhancing", total=len(batches), status="")
        path = model or write_model(preset_name, folder / "generator.keras")
        rate = read_metadata(path).sample_rate
        recording = write_recording(folder / "recording.wav", minutes, rate)
        for count in batches:
            # Each measurement needs a new process, because the peak of a process never falls.
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                output = folder / "enhanced.wav"
                result = pool.submit(measure, path, recording, output, count).result()
            table.add_row(
                f"{result.batch} windows at once",
                f"{result.seconds:.1f}",
                f"{60 * minutes / result.seconds:.1f}",
                f"{result.peak_mb:.0f}",
            )
            bar.advance(task)
    Console().print(table)


if __name__ == "__main__":
    run(app, "python -m benchmarks.enhance")
