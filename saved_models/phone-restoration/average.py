"""Write a generator whose weights are a weighted mean of those of several generators.

    python saved_models/phone-restoration/average.py mean.keras new.keras=0.6 before.keras=0.4

The generators have the same network, and were trained one from the other, so that their weights are
close. A mean keeps part of what each of them does better (Wortsman and others 2022, "Robust
fine-tuning of zero-shot models"). The metadata are those of the first generator.
"""

import math
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from tfaudiogan.commands.running import run
from tfaudiogan.errors import InputError
from tfaudiogan.inference.load import load_keras
from tfaudiogan.inference.metadata import read_metadata, write_metadata
from tfaudiogan.progress import console
from tfaudiogan.storage import replacing

app = typer.Typer(add_completion=False)


def shares_of(models: list[str]) -> dict[Path, float]:
    """Parse ``MODEL=SHARE`` expressions.

    Raises:
        InputError: if an expression is wrong, or the shares do not add up to 1.
    """
    shares = {}
    for expression in models:
        path, _, share = expression.rpartition("=")
        try:
            shares[Path(path)] = float(share)
        except ValueError:
            raise InputError(f"{expression!r}; expected MODEL=SHARE, as in new.keras=0.6") from None
    if not math.isclose(sum(shares.values()), 1.0, abs_tol=1e-6):
        raise InputError(f"the shares add up to {sum(shares.values()):g}; expected 1")
    return shares


def average(shares: dict[Path, float], out: Path) -> None:
    """Write the mean of the generators' weights.

    Raises:
        InputError: if ``out`` is not a .keras file, or a generator cannot be read or has another
            network than the first one.
    """
    if out.suffix != ".keras":
        raise InputError(f"{out} does not end with .keras")
    generators = [load_keras(path) for path in shares]
    weights = [generator.get_weights() for generator in generators]
    shapes = [[weight.shape for weight in each] for each in weights]
    for path, shape in zip(shares, shapes, strict=True):
        if shape != shapes[0]:
            raise InputError(f"{path} has another network than {next(iter(shares))}")
    parts = [np.float32(share) for share in shares.values()]
    generators[0].set_weights(
        [
            sum(part * weight for part, weight in zip(parts, column, strict=True))
            for column in zip(*weights, strict=True)
        ]
    )
    with replacing(out) as temporary:
        generators[0].save(temporary)
        write_metadata(temporary, read_metadata(next(iter(shares))))


@app.command()
def main(
    out: Annotated[Path, typer.Argument(help="Generator to write (.keras).")],
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL=SHARE...", help="Generators and their shares.")
    ],
) -> None:
    """Average the weights of generators."""
    average(shares_of(models), out)
    console.print(f"wrote {out}")


if __name__ == "__main__":
    run(app, "average.py")
