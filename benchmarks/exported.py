"""How fast every exported form of a model is: ``python benchmarks/exported.py MODEL.keras``."""

import argparse

from rich.console import Console

from tfaudiogan.errors import InputError
from tfaudiogan.export.benchmark import SECONDS, benchmark, table
from tfaudiogan.progress import progress_bar


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a .keras file that tfaudiogan trained")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="to measure each time")
    arguments = parser.parse_args()
    measurements = []
    try:
        with progress_bar() as bar:
            task = bar.add_task("measuring", total=None, status="")
            for measurement in benchmark(arguments.model, seconds=arguments.seconds):
                measurements.append(measurement)
                bar.update(task, advance=1, status=measurement.form)
    except InputError as error:
        parser.error(str(error))
    Console().print(table(measurements))


if __name__ == "__main__":
    main()
