"""Measure the speed of training: ``python -m benchmarks.training``.

This benchmark times the generator forward, forward and backward, and the whole WGAN-GP step. It
compares them with the machine's matrix product, the input pipeline and the paper's own code.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.timing import interleaved, matrix_product, medians
from tfaudiogan.commands.running import run
from tfaudiogan.config import Config, LossWeights, preset
from tfaudiogan.errors import InputError

if TYPE_CHECKING:
    from benchmarks.reference import Reference

FORWARD, BACKWARD, STEP = "generator forward", "generator forward + backward", "WGAN-GP step"
MACHINE = "matrix product"
REFERENCE = "reference: "
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@dataclass(frozen=True)
class Ours:
    """This package's work on a batch of windows.

    Attributes:
        cases: functions to time, by name.
        operations: floating-point operations of each case.
        windows: number of windows that a step takes from the input pipeline.
    """

    cases: dict[str, Callable[[], object]]
    operations: dict[str, float]
    windows: int


def prepare(config: Config, batch: int) -> Ours:
    """Build a preset's networks with n_critic 1, time and adversarial loss, and noise as data."""
    import tensorflow as tf

    from benchmarks.operations import forward_operations, step_operations
    from tfaudiogan.inference.load import load_model
    from tfaudiogan.layers.cpu.fused import fusing
    from tfaudiogan.losses import time_loss
    from tfaudiogan.models import build_discriminator
    from tfaudiogan.training import WGANGP
    from tfaudiogan.training.build import generator_from_config

    generator = generator_from_config(config)
    critic = build_discriminator(config.window, **vars(config.discriminator))
    model = WGANGP(generator, critic, weights=LossWeights(time=1.0, adversarial=1e-4), n_critic=1)
    model.compile("adam", "adam")

    rng = np.random.default_rng(0)
    windows = batch * model.n_critic
    x, y = (rng.normal(0, 0.1, (windows, config.window, 1)).astype("f4") for _ in range(2))
    inputs, targets = tf.constant(x[:batch]), tf.constant(y[:batch])
    variables = [variable.value for variable in generator.trainable_variables]

    forward = load_model(generator, fuse=True)

    @tf.function
    def forward_backward():
        with fusing(), tf.GradientTape() as tape:
            loss = time_loss(generator(inputs, training=True), targets)
        return tape.gradient(loss, variables)

    forward_cost = batch * forward_operations(generator)
    return Ours(
        cases={
            FORWARD: lambda: forward(x[:batch, :, 0]),
            BACKWARD: lambda: forward_backward()[-1].numpy(),
            STEP: lambda: model.train_on_batch(x, y),
        },
        operations={
            FORWARD: forward_cost,
            BACKWARD: 3 * forward_cost,
            STEP: batch * step_operations(generator, critic, model.n_critic),
        },
        windows=windows,
    )


def crops_per_second(window: int, batch: int, seconds: float = 2.0) -> float:
    """Return the speed of the input pipeline alone."""
    from benchmarks.input_pipeline import measure, streams, write_corpus

    with tempfile.TemporaryDirectory() as folder:
        _, stream = next(streams(write_corpus(Path(folder), 4, 1.0), window, batch))
        measure(stream, batch, seconds / 4)
        rate, _ = measure(stream, batch, seconds)
    return rate


def _reference_cases(reference: "Reference") -> dict[str, Callable[[], object]]:
    return {
        REFERENCE + FORWARD: reference.forward,
        REFERENCE + BACKWARD: reference.forward_backward,
        REFERENCE + STEP: reference.step,
    }


def table(seconds: dict[str, float], ours: Ours, machine_rate: float, batch: int) -> Table:
    """Return the table of medians; the windows of a step are those of its generator update."""
    printed = Table(f"batch of {batch}", box=None)
    headings = ["ms", "windows/s", "GFLOP/s", "of matrix product"]
    with_reference = REFERENCE + STEP in seconds
    for heading in headings + ["reference ms", "times as fast"] * with_reference:
        printed.add_column(heading, justify="right")
    for name in ours.cases:
        rate = ours.operations[name] / seconds[name]
        row = [
            f"{1000 * seconds[name]:.0f}",
            f"{batch / seconds[name]:.1f}",
            f"{rate / 1e9:.0f}",
            f"{rate / machine_rate:.0%}",
        ]
        if with_reference:
            other = seconds[REFERENCE + name]
            row += [f"{1000 * other:.0f}", f"{other / seconds[name]:.2f}"]
        printed.add_row(name, *row)
    return printed


@app.command(
    epilog="Examples: [b]python -m benchmarks.training[/]; "
    "[b]... --preset demo --batch 32[/]; "
    "[b]... --reference ../audio-super-resolution[/], a checkout of the paper's code, with PyTorch "
    "installed."
)
def main(
    preset_name: Annotated[
        str, typer.Option("--preset", help="Preset of the networks: paper, mobile or demo.")
    ] = "paper",
    batch: Annotated[int, typer.Option(min=1, help="Number of windows in a batch.")] = 16,
    runs: Annotated[int, typer.Option(min=1, help="Number of runs; the median is printed.")] = 7,
    precision: Annotated[
        str, typer.Option(help=f"Keras's dtype policy: {', '.join(PRECISIONS)}.")
    ] = "float32",
    reference: Annotated[
        Path | None, typer.Option(help="Checkout of the paper's PyTorch code to compare with.")
    ] = None,
) -> None:
    """Time the generator and the WGAN-GP step (n_critic 1, time and adversarial loss)."""
    import keras

    config = preset(preset_name)
    if precision not in PRECISIONS:
        raise InputError(f"unknown precision {precision!r}; choose one of {', '.join(PRECISIONS)}")
    others: dict[str, Callable[[], object]] = {}
    if reference is not None:
        if preset_name != "paper":
            raise InputError(f"--reference has one size; give --preset paper, not {preset_name}")
        from benchmarks.reference import Reference

        others = _reference_cases(Reference(reference, batch))
    keras.config.set_dtype_policy(precision)
    ours = prepare(config, batch)
    product, operations = matrix_product()
    seconds = medians(interleaved({MACHINE: product, **ours.cases, **others}, runs))
    machine_rate = operations / seconds[MACHINE]
    crops = crops_per_second(config.window, ours.windows)
    console = Console()
    console.print(table(seconds, ours, machine_rate, batch))
    console.print(
        f"Matrix product, float32: {machine_rate / 1e9:.0f} GFLOP/s. Input pipeline: {crops:,.0f} "
        f"crops/s; the {ours.windows} of a step take {ours.windows / crops / seconds[STEP]:.2%} "
        "of its time.",
        highlight=False,
    )


if __name__ == "__main__":
    run(app, "python -m benchmarks.training")
