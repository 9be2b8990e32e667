"""Measure the input pipeline in crops per second: ``python -m benchmarks.input_pipeline``.

This benchmark makes a corpus of long tracks of noise in a temporary folder, reads batches of
training crops with TensorFlow's graph and with NumPy, and prints the median of several runs and the
CPU time per crop. The files are in the system's cache, so this measures the pipeline and not the
disk. The share of a training step that the pipeline takes is the step's windows per second divided
by these crops per second.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from tfaudiogan.commands.running import run
from tfaudiogan.corpus.convert import FORMATS, convert_corpus
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.writing import CorpusWriter
from tfaudiogan.crops.starts import sounding_starts
from tfaudiogan.crops.tracks import Tracks
from tfaudiogan.progress import progress_bar

SAMPLE_RATE = 44100

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


def write_corpus(folder: Path, tracks: int, minutes: float) -> Corpus:
    """Write pairs of noise, all in the training split."""
    generator = np.random.default_rng(0)
    writer = CorpusWriter(folder, "pairs", SAMPLE_RATE)
    for number in range(tracks):
        noise = generator.integers(-3000, 3000, round(60 * minutes * SAMPLE_RATE), np.int16)
        writer.record(
            writer.write_pair(
                noise,
                noise[::-1],
                name=str(number),
                split="train",
                source="noise",
                source_sha256=str(number),
                settings={},
            )
        )
    return Corpus.load(folder)


def streams(corpus: Corpus, window: int, batch: int) -> Iterator[tuple[str, Iterator]]:
    """Return the training crops of each backend's module."""
    from tfaudiogan.crops import py_dataset, tf_data

    pairs = corpus.split("train")
    tracks, starts = Tracks.of_pairs(corpus, pairs), sounding_starts(pairs, window)
    for name, module in (("tf.data", tf_data), ("NumPy", py_dataset)):
        yield name, iter(module.training(tracks, starts, window, batch, 0, 0, 1))


def measure(stream: Iterator, batch: int, seconds: float) -> tuple[float, float]:
    """Return crops per second, and CPU time per crop in microseconds."""
    crops, begin, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - begin < seconds:
        next(stream)
        crops += batch
    return crops / (time.perf_counter() - begin), (time.process_time() - cpu) / crops * 1e6


@app.command(
    epilog="Examples: [b]python -m benchmarks.input_pipeline[/]; "
    "[b]... --window 8192 --batch 16 --format wav --format flac[/]"
)
def main(
    window: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Window in samples; repeatable. By default 2048 and 8192."),
    ] = None,
    batch: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Crops in a batch; repeatable. By default 16 and 64."),
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Number of runs; the median is printed.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.01, help="Length of a run in seconds.")] = 1.0,
    format: Annotated[
        list[str] | None,
        typer.Option(help=f"File format: {', '.join(FORMATS)}; repeatable. By default wav."),
    ] = None,
    tracks: Annotated[int, typer.Option(min=1, help="Number of pairs in the corpus.")] = 8,
    minutes: Annotated[float, typer.Option(min=0.1, help="Length of a track in minutes.")] = 5.0,
) -> None:
    """Measure how many crops per second the input pipeline reads."""
    cases = list(product(format or ["wav"], window or [2048, 8192], batch or [16, 64]))
    table = Table("format", "window", "batch", "path", box=None)
    for heading in ("crops/s", "least", "most", "CPU µs/crop"):
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory() as folder, progress_bar() as progress:
        corpora = {"wav": write_corpus(Path(folder) / "wav", tracks, minutes)}
        task = progress.add_task("measuring", total=2 * len(cases) * runs, status="")
        for encoding, samples, crops in cases:
            if encoding not in corpora:
                converted = Path(folder) / encoding
                corpora[encoding] = convert_corpus(corpora["wav"], converted, encoding)
            for name, stream in streams(corpora[encoding], samples, crops):
                measure(stream, crops, seconds / 4)
                rates, costs = [], []
                for _ in range(runs):
                    rate, cost = measure(stream, crops, seconds)
                    rates.append(rate)
                    costs.append(cost)
                    progress.advance(task)
                figures = statistics.median(rates), min(rates), max(rates)
                table.add_row(
                    encoding,
                    f"{samples}",
                    f"{crops}",
                    name,
                    *(f"{figure:,.0f}" for figure in figures),
                    f"{statistics.median(costs):.0f}",
                )
    Console().print(table)


if __name__ == "__main__":
    run(app, "python -m benchmarks.input_pipeline")
