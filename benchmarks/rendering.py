"""Measure how fast pairs are rendered by number of cores: ``python -m benchmarks.rendering``.

This benchmark renders the same performances with two instruments as ``tfaudiogan render`` does: it
reads, plays, measures the levels and writes. Both sides count as audio. The time of a process runs
from the start of its first track to the end of its last one, because the second or two that a
process needs to start do not matter for a corpus of hours.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tfaudiogan.commands.running import run
from tfaudiogan.corpus.writing import CorpusWriter
from tfaudiogan.making.build import Recipe
from tfaudiogan.making.instrument import Renderer
from tfaudiogan.parallel import processors, run_jobs
from tfaudiogan.progress import progress_bar

MAESTRO_HOURS = 198.7
"""Length of MAESTRO's performances in version 3.0.0."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@dataclass(frozen=True)
class Timed:
    """Renders a track and writes its pair."""

    render: Renderer
    writer: CorpusWriter

    def __call__(self, recipe: Recipe) -> tuple[int, float, float, float]:
        """Return the process, its start and end times, and the seconds of audio that it made."""
        begin = time.time()
        pair = self.writer.write_pair(
            *self.render(recipe),
            name=f"{recipe.name}-{os.getpid()}",
            split=recipe.split,
            source=recipe.source,
            source_sha256="",
            settings=recipe.settings,
        )
        return os.getpid(), begin, time.time(), 2 * pair.seconds


def rate(work: Timed, recipes: Sequence[Recipe], processes: int) -> float:
    """Return seconds of audio per second, summed over the processes."""
    of_process: dict[int, list[tuple[float, float, float]]] = {}

    def finish(recipe: Recipe, result) -> None:
        process, *times = result()
        of_process.setdefault(process, []).append(tuple(times))

    run_jobs(work, recipes, finish, processes)
    total = 0.0
    for tracks in of_process.values():
        begins, ends, seconds = zip(*tracks, strict=True)
        total += sum(seconds) / (max(ends) - min(begins))
    return total


def table(rates: dict[int, list[float]]) -> Table:
    """Return the table of medians."""
    printed = Table("processes", box=None)
    headings = ["audio s/s", "least", "most", "per process", "times one", "MAESTRO, hours"]
    for heading in headings:
        printed.add_column(heading, justify="right")
    one = statistics.median(rates[1])
    for processes, found in rates.items():
        median = statistics.median(found)
        printed.add_row(
            f"{processes}",
            f"{median:.0f}",
            f"{min(found):.0f}",
            f"{max(found):.0f}",
            f"{median / processes:.0f}",
            f"{median / one:.2f}",
            f"{2 * MAESTRO_HOURS / median:.1f}",
        )
    return printed


@app.command(
    epilog="Examples: [b]python -m benchmarks.rendering[/]; "
    "[b]... --midi maestro-v3.0.0 --soundfont FluidR3_GM.sf2[/]"
)
def main(
    midi: Annotated[
        Path | None, typer.Option(help="Folder of MIDI; by default, composed pieces.")
    ] = None,
    soundfont: Annotated[Path | None, typer.Option(help="SF2 or SF3 file.")] = None,
    sample_rate: Annotated[int, typer.Option(help="In hertz.")] = 44100,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Largest number of processes; by default, the number of cores."),
    ] = None,
    tracks: Annotated[int, typer.Option(min=1, help="Number of tracks for each process.")] = 8,
    runs: Annotated[int, typer.Option(min=1, help="Number of runs; the median is printed.")] = 3,
) -> None:
    """Time rendering with 1, 2, 4 … processes, interleaved."""
    counts = [1]
    most = processes or processors()
    while counts[-1] < most:
        counts.append(min(2 * counts[-1], most))
    rates: dict[int, list[float]] = {count: [] for count in counts}
    with tempfile.TemporaryDirectory() as folder, progress_bar() as bar:
        if midi is None:
            from tfaudiogan.making.composer import compose_corpus

            pieces = {"train": tracks * most}
            midi = compose_corpus(Path(folder) / "midi", seconds=30.0, pieces=pieces)
        renderer = Renderer.of(soundfont=soundfont, sample_rate=sample_rate)
        recipes = renderer.recipes(midi)
        task = bar.add_task("measuring", total=runs * len(counts), status="")
        for _ in range(runs):
            for count in counts:
                bar.update(task, status=f"{count} processes")
                with tempfile.TemporaryDirectory(dir=folder) as out:
                    work = Timed(renderer, CorpusWriter(out, "instrument", sample_rate))
                    rates[count].append(
                        rate(work, list(islice(cycle(recipes), tracks * count)), count)
                    )
                bar.advance(task)
    Console().print(table(rates))


if __name__ == "__main__":
    run(app, "python -m benchmarks.rendering")
