"""Commands that take a trained model."""

from pathlib import Path
from typing import Annotated

import typer

from tfaudiogan.commands.options import Data
from tfaudiogan.errors import InputError
from tfaudiogan.progress import console

app = typer.Typer()


@app.command(
    epilog="Example: "
    "[b]tfaudiogan evaluate --model runs/demo/generator.keras --data corpora/demo[/]"
)
def evaluate(
    model: Annotated[str, typer.Option(help="Path of a model, or a released model's name.")],
    data: Data,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    report: Annotated[
        Path | None, typer.Option(help="Folder for a page with figures and sound.")
    ] = None,
    windows: Annotated[
        int | None, typer.Option(help="At most so many, evenly spread.", min=1)
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="At most that much of each track.", min=0.1)
    ] = None,
    train_data: Annotated[
        str | None,
        typer.Option(help="Corpus that the linear equalizer is fitted to; --data unless given."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")] = False,
) -> None:
    """Score a model on held-out pairs, beside the baselines."""
    from tfaudiogan.corpus.reading import Corpus
    from tfaudiogan.evaluation.run_report import report_model, score_model
    from tfaudiogan.inference.load import load_model
    from tfaudiogan.inference.released import find_model

    corpus = Corpus.load(data)
    path = find_model(model)
    loaded = load_model(path)
    training = Corpus.load(train_data) if train_data else None
    scores = score_model(loaded, corpus, split, windows, seconds, training)
    print(scores.to_json() if json else scores.to_text())
    if report is not None:
        page = report_model(loaded, corpus, scores, report, path)
        console.print(f"report {page}")


@app.command(
    epilog="Examples: [b]tfaudiogan export --model runs/demo/generator.keras --format tflite "
    "--quantization float16 --out demo.tflite[/]   "
    "[b]tfaudiogan export --model runs/demo/generator.keras --out served/demo[/]"
)
def export(
    model: Annotated[Path, typer.Option(help="A .keras file of a run.")],
    out: Annotated[
        Path, typer.Option(help="The .tflite or .onnx file, or the served model's folder.")
    ],
    format: Annotated[str, typer.Option(help="saved_model, tflite or onnx.")] = "saved_model",
    quantization: Annotated[
        str, typer.Option(help="Weights of a .tflite: float32, float16 or dynamic.")
    ] = "float32",
    version: Annotated[int, typer.Option(help="Version of a served model.", min=0)] = 1,
) -> None:
    """Write a model for TensorFlow Serving, phones, or ONNX; it needs nothing of this package."""
    if format == "saved_model":
        from tfaudiogan.export.saved_model import export_saved_model

        path = export_saved_model(model, out, version)
    elif format == "tflite":
        from tfaudiogan.export.tflite import export_tflite

        path = export_tflite(model, out, quantization)
    elif format == "onnx":
        from tfaudiogan.export.onnx import export_onnx

        path = export_onnx(model, out)
    else:
        raise InputError(f"unknown format {format!r}; choose saved_model, tflite or onnx")
    print(path)


@app.command(
    epilog="Examples: "
    "[b]tfaudiogan convert-weights generator_trainer.tar --out generator.keras[/]   "
    "[b]tfaudiogan convert-weights gan_trainer.tar --network discriminator --out critic.keras[/]   "
    "[b]tfaudiogan convert-weights state_dict.npz --window 16384 --out generator.keras[/]"
)
def convert_weights(
    checkpoint: Annotated[
        Path,
        typer.Argument(help="What the code saved with torch.save, or an .npz of a state dict."),
    ],
    out: Annotated[Path, typer.Option(help="The .keras file.")],
    network: Annotated[
        str | None,
        typer.Option(
            help="generator, discriminator or autoencoder; the one in the checkpoint unless given."
        ),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(
            help="Samples of a window; 8192 unless given. A discriminator is made for one.", min=2
        ),
    ] = None,
    sample_rate: Annotated[
        int, typer.Option(help="Sample rate it was trained at, in hertz.", min=1)
    ] = 44_100,
    level: Annotated[
        float,
        typer.Option(
            help="Level of the audio it was trained on, in dBFS, which enhance brings its input to."
        ),
    ] = -20.0,
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "",
) -> None:
    """Convert a checkpoint of the paper's PyTorch code into a .keras model, without PyTorch."""
    from tfaudiogan.conversion.convert import convert_weights as convert

    print(
        convert(
            checkpoint,
            out,
            network,
            window=window,
            sample_rate=sample_rate,
            level_dbfs=level,
            licence=licence,
        )
    )


@app.command(epilog="Example: [b]tfaudiogan benchmark --model runs/demo/generator.keras[/]")
def benchmark(
    model: Annotated[Path, typer.Option(help="A .keras file of a run.")],
    seconds: Annotated[float, typer.Option(help="To measure each time.", min=0.1)] = 3.0,
) -> None:
    """Measure speed, memory, size and error of every exported form of a model, here."""
    from rich.console import Console

    from tfaudiogan.export.benchmark import benchmark as measure
    from tfaudiogan.export.benchmark import table
    from tfaudiogan.progress import progress_bar

    measurements = []
    with progress_bar() as bar:
        task = bar.add_task("measuring", total=None, status="")
        for measurement in measure(model, seconds=seconds):
            measurements.append(measurement)
            bar.update(task, advance=1, status=measurement.form)
    Console().print(table(measurements))
