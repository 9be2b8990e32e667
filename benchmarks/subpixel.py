"""What the order of subpixel layers costs: ``python -m benchmarks.subpixel``.

Times the same full-size generator with interleaved subpixel layers and with blocked ones, in turn,
and beside them the layer alone, which then moves the signal itself: forward, and forward and
backward, with a processor's work fused as in training. What counts are the ratios of pairs.
"""

import statistics
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.timing import interleaved
from tfaudiogan.commands.running import run

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


def forward(model, batch):
    """A call that runs the model on a batch."""
    import tensorflow as tf

    from tfaudiogan.layers.cpu.fused import fusing

    @tf.function
    def compute():
        with fusing():
            return tf.reduce_sum(model(batch, training=False))

    return lambda: compute().numpy()


def both_ways(model, batch):
    """A call that runs the model on a batch and takes the gradients of its weights."""
    import tensorflow as tf

    from tfaudiogan.layers.cpu.fused import fusing

    @tf.function
    def compute():
        with fusing(), tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(batch, training=True)))
        gradients = tape.gradient(loss, model.trainable_variables)
        return tf.add_n([tf.reduce_sum(gradient) for gradient in gradients])

    return lambda: compute().numpy()


@app.command()
def main(
    batch: Annotated[int, typer.Option(help="Windows at once.", min=1)] = 16,
    runs: Annotated[int, typer.Option(help="Pairs to time.", min=2)] = 20,
    window: Annotated[int, typer.Option(help="Samples of a window.", min=256)] = 8192,
) -> None:
    """Time generators with interleaved and with blocked subpixel layers in pairs."""
    import keras
    import tensorflow as tf

    from tfaudiogan.layers import SubPixel1D
    from tfaudiogan.models import build_generator

    windows = tf.random.stateless_normal((batch, window, 1), seed=(0, 0))
    signal = tf.random.stateless_normal((batch, window // 2, 64), seed=(0, 0))
    cases = {}
    for order in ("blocked", "interleaved"):
        generator = build_generator(window, subpixel=order)
        layer = keras.Sequential([keras.Input(signal.shape[1:]), SubPixel1D(2, order)])
        cases[f"generator, forward, {order}"] = forward(generator, windows)
        cases[f"generator, both ways, {order}"] = both_ways(generator, windows)
        cases[f"layer alone, forward, {order}"] = forward(layer, signal)
    seconds = interleaved(cases, runs)
    table = Table("work", "blocked, ms", "interleaved, ms", "ratio of pairs, median", "quartiles")
    for work in ("generator, forward", "generator, both ways", "layer alone, forward"):
        before, after = (seconds[f"{work}, {order}"] for order in ("blocked", "interleaved"))
        ratios = [a / b for a, b in zip(after, before, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        table.add_row(
            work,
            f"{1000 * statistics.median(before):.2f}",
            f"{1000 * statistics.median(after):.2f}",
            f"{middle:.3f}",
            f"{low:.3f} to {high:.3f}",
        )
    Console().print(table)


if __name__ == "__main__":
    run(app, "python -m benchmarks.subpixel")
