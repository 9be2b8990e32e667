"""Measure every export format of a model: ``python -m benchmarks.exported MODEL.keras``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tfaudiogan.commands.running import run
from tfaudiogan.export.benchmark import SECONDS, benchmark, table
from tfaudiogan.progress import progress_bar

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command(epilog="Example: [b]python -m benchmarks.exported runs/piano/generator.keras[/]")
def main(
    model: Annotated[Path, typer.Argument(help="A .keras file that tfaudiogan trained.")],
    seconds: Annotated[
        float, typer.Option(min=0.01, help="Seconds to measure each format.")
    ] = SECONDS,
) -> None:
    """Time a window in every format that the model can be exported to."""
    measurements = []
    with progress_bar() as bar:
        task = bar.add_task("measuring", total=None, status="")
        for measurement in benchmark(model, seconds=seconds):
            measurements.append(measurement)
            bar.update(task, advance=1, status=measurement.form)
    Console().print(table(measurements))


if __name__ == "__main__":
    run(app, "python -m benchmarks.exported")
