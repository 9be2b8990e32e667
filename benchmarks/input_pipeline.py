"""How many crops a second the input pipeline reads, alone: ``python benchmarks/input_pipeline.py``.

Makes a corpus of long tracks of noise in a temporary folder, draws batches of training crops from
it through TensorFlow's graph and through NumPy, and prints the median of several runs with the
processor time that a crop costs. The files are in the system's cache: this measures the pipeline,
not the disk. A training step's share of it is the step's windows a second over these crops a
second.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tfaudiogan.data.convert import FORMATS, convert_corpus
from tfaudiogan.data.corpus import Corpus
from tfaudiogan.data.corpus_writer import CorpusWriter
from tfaudiogan.data.starts import sounding_starts
from tfaudiogan.data.tracks import Tracks
from tfaudiogan.progress import progress_bar

SAMPLE_RATE = 44100


def write_corpus(folder: Path, tracks: int, minutes: float) -> Corpus:
    """Pairs of noise, all in the training split."""
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
    """The training crops of each backend's module."""
    from tfaudiogan.data import py_crops, tf_crops

    pairs = corpus.split("train")
    tracks, starts = Tracks.of_pairs(corpus, pairs), sounding_starts(pairs, window)
    for name, module in (("tf.data", tf_crops), ("NumPy", py_crops)):
        yield name, iter(module.training(tracks, starts, window, batch, 0, 0, 1))


def measure(stream: Iterator, batch: int, seconds: float) -> tuple[float, float]:
    """Crops a second, and microseconds of processor time a crop."""
    crops, begin, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - begin < seconds:
        next(stream)
        crops += batch
    return crops / (time.perf_counter() - begin), (time.process_time() - cpu) / crops * 1e6


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="How many crops a second the input pipeline reads, alone.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--window", type=int, nargs="+", default=[2048, 8192], help="samples")
    parser.add_argument("--batch", type=int, nargs="+", default=[16, 64], help="crops")
    parser.add_argument("--runs", type=int, default=5, help="runs to take the median of")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a run")
    parser.add_argument("--format", choices=FORMATS, default="wav", help="of the files")
    parser.add_argument("--tracks", type=int, default=8, help="pairs in the corpus")
    parser.add_argument("--minutes", type=float, default=5.0, help="length of a track")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    arguments = parse()
    table = Table("window", "batch", "path", "crops/s", "least", "most", "CPU µs/crop")
    cases = [(window, batch) for window in arguments.window for batch in arguments.batch]
    with tempfile.TemporaryDirectory() as folder, progress_bar() as progress:
        corpus = write_corpus(Path(folder) / "wav", arguments.tracks, arguments.minutes)
        if arguments.format != "wav":
            corpus = convert_corpus(corpus, Path(folder) / arguments.format, arguments.format)
        task = progress.add_task("measuring", total=2 * len(cases) * arguments.runs, status="")
        for window, batch in cases:
            for name, stream in streams(corpus, window, batch):
                measure(stream, batch, arguments.seconds / 4)
                rates, costs = [], []
                for _ in range(arguments.runs):
                    rate, cost = measure(stream, batch, arguments.seconds)
                    rates.append(rate)
                    costs.append(cost)
                    progress.advance(task)
                figures = statistics.median(rates), min(rates), max(rates)
                table.add_row(
                    f"{window}",
                    f"{batch}",
                    name,
                    *(f"{figure:,.0f}" for figure in figures),
                    f"{statistics.median(costs):.0f}",
                )
    Console().print(table)


if __name__ == "__main__":
    main()
