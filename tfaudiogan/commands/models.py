"""Commands that evaluate, export and benchmark trained models."""

from pathlib import Path
from typing import Annotated

import typer

from tfaudiogan.commands.options import Data, examples
from tfaudiogan.errors import InputError
from tfaudiogan.inference.released import find_model
from tfaudiogan.progress import console

app = typer.Typer()


@app.command(
    epilog=examples(
        "tfaudiogan evaluate --model runs/demo/generator.keras --data corpora/demo",
    )
)
def evaluate(
    model: Annotated[str, typer.Option(help="Path of a model or name of a released one.")],
    data: Data,
    split: Annotated[str, typer.Option(help="Split to score: train, validation or test.")] = "test",
    report: Annotated[
        Path | None, typer.Option(help="Folder for a report with figures and audio.")
    ] = None,
    windows: Annotated[
        int | None, typer.Option(help="Largest number of windows to score; all by default.", min=1)
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            help="Largest length of each track to score; whole tracks by default.", min=0.1
        ),
    ] = None,
    train_data: Annotated[
        str | None,
        typer.Option(help="Corpus to fit the equalizer baselines to; --data by default."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Score a model and baselines on held-out pairs."""
    from tfaudiogan.corpus.reading import Corpus
    from tfaudiogan.evaluation.run_report import report_model, score_model
    from tfaudiogan.inference.load import load_model

    if report is not None and report.is_file():
        raise InputError(f"--report is {report}, which is a file; give a folder")
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
    epilog=examples(
        "tfaudiogan export --model runs/demo/generator.keras --format tflite "
        "--quantization float16 --out demo.tflite",
        "tfaudiogan export --model runs/demo/generator.keras --out served/demo",
    )
)
def export(
    model: Annotated[
        str, typer.Option(help="Path of a Keras model (.keras) or name of a released one.")
    ],
    out: Annotated[
        Path, typer.Option(help="File to write (.tflite or .onnx), or folder of a SavedModel.")
    ],
    format: Annotated[
        str, typer.Option(help="Format: saved_model, tflite or onnx.")
    ] = "saved_model",
    quantization: Annotated[
        str, typer.Option(help="Weights of a TFLite model: float32, float16 or dynamic.")
    ] = "float32",
    version: Annotated[int, typer.Option(help="Version number of a SavedModel.", min=0)] = 1,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing file, but not a SavedModel.")
    ] = False,
) -> None:
    """Export a model for servers, phones or ONNX.

    The exported forms run without this package.
    """
    if quantization != "float32" and format in ("saved_model", "onnx"):
        raise InputError(f"--quantization {quantization} works only with --format tflite")
    if out.is_file() and not overwrite:
        raise InputError(f"{out} exists; replace with --overwrite")
    source = find_model(model, keras=True)
    if format == "saved_model":
        from tfaudiogan.export.saved_model import export_saved_model

        path = export_saved_model(source, out, version)
    elif format == "tflite":
        from tfaudiogan.export.tflite import export_tflite

        path = export_tflite(source, out, quantization)
    elif format == "onnx":
        from tfaudiogan.export.onnx import export_onnx

        path = export_onnx(source, out)
    else:
        raise InputError(f"unknown format {format!r}; choose saved_model, tflite or onnx")
    print(path)


@app.command(
    epilog=examples(
        "tfaudiogan convert-weights generator_trainer.tar --out generator.keras",
        "tfaudiogan convert-weights gan_trainer.tar --network discriminator --out critic.keras",
        "tfaudiogan convert-weights state_dict.npz --window 16384 --out generator.keras",
    )
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
    licence: Annotated[str, typer.Option(help="License of the weights.")] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing output.")
    ] = False,
) -> None:
    """Convert a checkpoint of the paper's code.

    The PyTorch checkpoint becomes a .keras model; PyTorch is not needed.
    """
    from tfaudiogan.conversion.convert import convert_weights as convert

    if out.exists() and not overwrite:
        raise InputError(f"{out} exists; replace with --overwrite")
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


@app.command(
    epilog=examples(
        "tfaudiogan benchmark --model runs/demo/generator.keras",
    )
)
def benchmark(
    model: Annotated[
        str, typer.Option(help="Path of a Keras model (.keras) or name of a released one.")
    ],
    seconds: Annotated[
        float, typer.Option(help="Shortest duration of each measurement.", min=0.1)
    ] = 3.0,
) -> None:
    """Measure the exported forms of a model.

    These are the speed, memory, size and error of each on this machine.
    """
    from rich.console import Console

    from tfaudiogan.export.benchmark import benchmark as measure
    from tfaudiogan.export.benchmark import table
    from tfaudiogan.progress import progress_bar

    measurements = []
    with progress_bar() as bar:
        task = bar.add_task("measuring", total=None, status="")
        for measurement in measure(find_model(model, keras=True), seconds=seconds):
            measurements.append(measurement)
            bar.update(task, advance=1, status=measurement.form)
    Console().print(table(measurements))
