"""The commands. TensorFlow is imported only inside those that need it."""

import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tfaudiogan import config as configuration
from tfaudiogan._version import __version__
from tfaudiogan.errors import InputError
from tfaudiogan.progress import console

app = typer.Typer(
    help="Turn one sound into another: render pairs, train, evaluate, enhance, export.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Data = Annotated[Path, typer.Option(help="Folder of a rendered corpus.", show_default=False)]
Seed = Annotated[int, typer.Option(help="Of everything random.")]
Jobs = Annotated[int | None, typer.Option(help="Processes; one for each core unless given.", min=1)]
Rate = Annotated[int, typer.Option("--sample-rate", help="Of the corpus, in hertz.")]


def _show_version(value: bool) -> None:
    if value:
        print(f"tfaudiogan {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Options of every command; [b]--debug[/b] anywhere shows where an error comes from."""


def _print_report(corpus, report) -> None:
    for name, reason in report.refused.items():
        console.print(f"[yellow]left out[/] {name}: {reason}")
    print(
        f"{len(report.rendered)} rendered, {len(report.skipped)} there already, "
        f"{len(report.refused)} left out\n{corpus.folder}: {corpus.description}"
    )


@app.command(
    epilog="Example: [b]tfaudiogan render --midi maestro-v3.0.0 --out corpora/piano --tracks 20[/]"
)
def render(
    out: Annotated[Path, typer.Option(help="The corpus's folder; continued if it is there.")],
    midi: Annotated[
        Path | None, typer.Option(help="Folder of MIDI, in the MAESTRO layout or any other.")
    ] = None,
    audio: Annotated[
        Path | None, typer.Option(help="Folder of clean recordings, for phone and superres.")
    ] = None,
    task: Annotated[str, typer.Option(help="instrument, phone or superres.")] = "instrument",
    input_program: Annotated[
        int, typer.Option(help="General MIDI program of the input, from 0.")
    ] = 4,
    target_program: Annotated[int, typer.Option(help="... and of the target.")] = 0,
    velocity: Annotated[
        int | None, typer.Option(help="One velocity for all notes, 1 to 127.")
    ] = None,
    drop_controller: Annotated[
        list[int] | None, typer.Option(help="Controller to leave out, such as 64; repeatable.")
    ] = None,
    soundfont: Annotated[Path | None, typer.Option(help="SF2 or SF3 file.")] = None,
    sample_rate: Rate = 44100,
    degradation: Annotated[
        str, typer.Option(help="Preset of the phone task: light, phone or old-phone.")
    ] = "phone",
    ratio: Annotated[int, typer.Option(help="Of the superres task: 2, 4 or 6.")] = 4,
    tracks: Annotated[
        int | None, typer.Option(help="At most so many tracks of each split.", min=1)
    ] = None,
    jobs: Jobs = None,
    seed: Seed = 0,
) -> None:
    """Make a corpus of pairs: the same music as it sounds, and as it should sound."""
    common = {"sample_rate": sample_rate, "jobs": jobs, "tracks": tracks}
    source = midi or audio
    if (midi is None) == (audio is None) or source is None:
        raise InputError("give one source: --midi DIR, or --audio DIR for phone and superres")
    if task == "instrument":
        from tfaudiogan.data.midi import Transformation
        from tfaudiogan.data.render import render_corpus

        if midi is None:
            raise InputError("the instrument task renders MIDI; give --midi DIR")
        changes = {"velocity": velocity, "removed_controllers": tuple(drop_controller or ())}
        try:
            input = Transformation(program=input_program, **changes)
            target = Transformation(program=target_program, **changes)
        except (TypeError, ValueError) as error:
            raise InputError(str(error)) from error
        corpus, report = render_corpus(
            midi, out, input=input, target=target, soundfont=soundfont, **common
        )
    elif task == "phone":
        from tfaudiogan.data.phone import render_phone

        corpus, report = render_phone(source, out, preset=degradation, seed=seed, **common)
    elif task == "superres":
        from tfaudiogan.data.superres import render_superres

        corpus, report = render_superres(source, out, ratio=ratio, seed=seed, **common)
    else:
        raise InputError(f"unknown task {task!r}; choose instrument, phone or superres")
    _print_report(corpus, report)


def _configure(
    preset: str,
    config: Path | None,
    loss: str | None,
    sections: dict[str, dict[str, Any]],
    window: int | None = None,
):
    """The preset or file, with what the command line gives in its place."""
    base = configuration.Config.load(config) if config else configuration.preset(preset)
    changes: dict[str, Any] = {}
    if window is not None:
        changes["window"] = window
    if loss is not None:
        changes["weights"] = configuration.parse_loss(loss)
    for section, values in sections.items():
        given = {name: value for name, value in values.items() if value is not None}
        if given:
            changes[section] = dataclasses.replace(getattr(base, section), **given)
    return dataclasses.replace(base, **changes)


def _next_free(folder: Path) -> Path:
    free, number = folder, 1
    while free.exists():
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free


def _demo_corpus(seed: int):
    from tfaudiogan.data.composer import compose_corpus
    from tfaudiogan.data.render import render_corpus

    midi = Path("corpora/demo-midi")
    console.print("composing and rendering the demo corpus")
    compose_corpus(midi, seed=seed)
    corpus, _ = render_corpus(midi, Path("corpora/demo"), sample_rate=DEMO_SAMPLE_RATE)
    return corpus


DEMO_SAMPLE_RATE = 16000
PRESETS = ", ".join(configuration.PRESETS)
TERMS = ", ".join(field.name for field in dataclasses.fields(configuration.LossWeights))


@app.command(
    epilog="Examples: [b]python train.py[/] — the demo, a few minutes on two cores.   "
    "[b]tfaudiogan train --data corpora/piano --preset paper --loss time+frequency[/]   "
    "[b]tfaudiogan train --data corpora/piano --loss time+adversarial --run runs/gan[/]   "
    "[b]tfaudiogan train --data corpora/piano --run runs/gan --resume[/]"
)
def train(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of a rendered corpus; the embedded demo unless given."),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run; the next free in runs/ unless given.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help=f"One of {PRESETS}; demo without --data, else paper.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="JSON file in place of a preset, whole or its differences.")
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(help=f"Terms, as in time+frequency=10+adversarial=1e-4. Terms: {TERMS}."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1)] = None,
    steps: Annotated[
        int | None, typer.Option(help="Generator updates, in place of epochs.", min=1)
    ] = None,
    steps_per_epoch: Annotated[int | None, typer.Option(min=1)] = None,
    batch: Annotated[int | None, typer.Option(help="Windows of an update.", min=1)] = None,
    window: Annotated[int | None, typer.Option(help="Samples of a window.", min=2)] = None,
    d_max: Annotated[int | None, typer.Option(help="Capacity of the generator.", min=0)] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0.0)] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --run.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Begin anew where --run holds a run.")
    ] = False,
    monitor: Annotated[
        str, typer.Option(help="Log whose best epoch is kept: val_snr, val_lsd, val_loss.")
    ] = "val_snr",
    objective: Annotated[
        str | None, typer.Option(help="wasserstein, saturating or non_saturating.")
    ] = None,
    n_critic: Annotated[
        int | None, typer.Option(help="Critic updates for each generator update.", min=1)
    ] = None,
    gradient_penalty: Annotated[float | None, typer.Option(help="Its weight.", min=0.0)] = None,
    penalty_at: Annotated[str | None, typer.Option(help="interpolates or generated.")] = None,
    weight_clip: Annotated[
        float | None, typer.Option(help="Bound of the critic's weights, in place of the penalty.")
    ] = None,
    coupling_step: Annotated[
        int | None, typer.Option(help="Generator updates before the critic joins in.", min=0)
    ] = None,
    normalization: Annotated[
        str | None, typer.Option(help="Of the critic: layer, batch or none.")
    ] = None,
    warm_start: Annotated[
        Path | None, typer.Option(help="Generator (.keras) to start from.")
    ] = None,
    autoencoder: Annotated[
        Path | None, typer.Option(help="Trained autoencoder; pretrained first unless given.")
    ] = None,
    autoencoder_steps: Annotated[int, typer.Option(min=1)] = 1000,
    licence: Annotated[str, typer.Option(help="Of the weights, kept in the model file.")] = "",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Log curves, audio and spectrograms too.")
    ] = False,
) -> None:
    """Train a generator, evaluate it and write its report; without --data, on the demo corpus."""
    chosen = _configure(
        preset or ("paper" if data else "demo"),
        config,
        loss,
        {
            "generator": {"d_max": d_max},
            "discriminator": {"normalization": normalization},
            "adversarial": {
                "objective": objective,
                "n_critic": n_critic,
                "gradient_penalty": gradient_penalty,
                "penalty_at": penalty_at,
                "weight_clip": weight_clip,
                "coupling_step": coupling_step,
            },
            "optimizer": {"learning_rate": learning_rate},
            "training": {
                "epochs": epochs,
                "steps_per_epoch": steps_per_epoch,
                "batch": batch,
                "seed": seed,
            },
        },
        window,
    )
    if resume and run is None:
        raise InputError("--resume needs the --run to continue")
    from tfaudiogan.data.corpus import Corpus
    from tfaudiogan.evaluation.run_report import report_run
    from tfaudiogan.training.run import train as train_run

    corpus = Corpus.load(data) if data else _demo_corpus(chosen.training.seed)
    name = f"{corpus.folder.resolve().name}-{chosen.preset}" if data else "demo"
    folder = run or _next_free(Path("runs") / name)
    callbacks = []
    if tensorboard:
        from tfaudiogan.training.tensorboard import tensorboard_callbacks

        callbacks = tensorboard_callbacks(folder, corpus, chosen.window)
    finished = train_run(
        chosen,
        corpus,
        folder,
        steps=steps,
        resume=resume,
        overwrite=overwrite,
        autoencoder=autoencoder,
        autoencoder_steps=autoencoder_steps,
        warm_start=warm_start,
        monitor=monitor,
        licence=licence,
        callbacks=callbacks,
    )
    scores = report_run(finished, corpus)
    print(scores.to_text())
    print(f"\nreport   {finished.report / 'index.html'}")
    print(f"enhance  tfaudiogan enhance RECORDING.wav --model {finished.generator} --out OUT.wav")


@app.command(
    epilog="Example: "
    "[b]tfaudiogan evaluate --model runs/demo/generator.keras --data corpora/demo[/]"
)
def evaluate(
    model: Annotated[Path, typer.Option(help=".keras, SavedModel folder, .tflite or .onnx.")],
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
    json: Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")] = False,
) -> None:
    """Score a model on held-out pairs, beside the baselines."""
    from tfaudiogan.data.corpus import Corpus
    from tfaudiogan.evaluation.run_report import report_model, score_model
    from tfaudiogan.inference import load_model

    corpus = Corpus.load(data)
    loaded = load_model(model)
    scores = score_model(loaded, corpus, split, windows=windows, seconds=seconds)
    print(scores.to_json() if json else scores.to_text())
    if report is not None:
        page = report_model(loaded, corpus, scores, report, model)
        console.print(f"report {page}")


@app.command(
    epilog="Example: [b]tfaudiogan enhance take1.flac take2.mp3 --model saved_models/mobile.keras "
    "--out enhanced[/]"
)
def enhance(
    recordings: Annotated[list[Path], typer.Argument(metavar="IN...", help="Audio files.")],
    model: Annotated[Path, typer.Option(help=".keras, SavedModel folder, .tflite or .onnx.")],
    out: Annotated[
        Path, typer.Option(help="File for one recording, folder for several; format by extension.")
    ],
    floats: Annotated[
        bool, typer.Option("--float", help="32-bit float WAV, which cannot clip.")
    ] = False,
) -> None:
    """Run a model over whole recordings of any length, rate and channels."""
    from tfaudiogan.enhancer import enhance_file
    from tfaudiogan.inference import load_model
    from tfaudiogan.progress import progress_bar

    several = len(recordings) > 1 or out.is_dir() or not out.suffix
    names = [recording.name for recording in recordings]
    if len(set(names)) < len(names):
        raise InputError("two recordings have the same name; give them one at a time")
    loaded = load_model(model)
    with progress_bar() as bar:
        for recording in recordings:
            destination = out / recording.name if several else out
            task = bar.add_task(recording.name, total=None, status="samples")
            done = enhance_file(
                loaded,
                recording,
                destination,
                floats=floats,
                progress=lambda done, total, task=task: bar.update(
                    task, completed=done, total=total
                ),
            )
            if done.clipped:
                bar.console.print(
                    f"[yellow]{destination}: {done.clipped} samples clipped, peak {done.peak:.2f};"
                    "[/] --float keeps them"
                )
            print(
                f"{destination}  {done.samples / done.sample_rate:.1f} s, "
                f"{done.channels} channels, {done.sample_rate} Hz"
            )


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
        str, typer.Option(help="Of a .tflite: float32, float16 or dynamic.")
    ] = "float32",
    version: Annotated[int, typer.Option(help="Of a served model.", min=0)] = 1,
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


@app.command(
    epilog="Example: [b]tfaudiogan pairs --input phone --target studio --out corpora/own[/]"
)
def pairs(
    input: Annotated[Path, typer.Option(help="Folder of recordings as they sound.")],
    target: Annotated[Path, typer.Option(help="... as they should sound, of the same names.")],
    out: Annotated[Path, typer.Option(help="The corpus's folder.")],
    sample_rate: Rate = 44100,
    aligned: Annotated[
        bool, typer.Option("--aligned", help="They are aligned to the sample already.")
    ] = False,
    jobs: Jobs = None,
) -> None:
    """Make a corpus of your own recordings: match, align and split them."""
    from tfaudiogan.data.pairs import pair_recordings

    corpus, report = pair_recordings(
        input, target, out, sample_rate=sample_rate, alignment=not aligned, jobs=jobs
    )
    for name, match in report.matches.items():
        print(
            f"{name}: {match.seconds:.1f} s, delay {match.delay_ms:.2f} ms, "
            f"drift {match.drift_ppm:.1f} ppm, correlation {match.correlation:.2f}"
        )
    for name, reason in report.refused.items():
        console.print(f"[yellow]left out[/] {name}: {reason}")
    if report.shortage:
        console.print(f"[yellow]{report.shortage}[/]")
    print(f"{corpus.folder}: {corpus.description}")


@app.command(epilog="Example: [b]tfaudiogan degrade studio.wav phone.wav --preset old-phone[/]")
def degrade(
    recording: Annotated[Path, typer.Argument(metavar="IN", help="Audio file.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Format by extension.")],
    preset: Annotated[str, typer.Option(help="light, phone or old-phone.")] = "phone",
    seed: Seed = 0,
) -> None:
    """Make a recording sound as if taken by a phone, to hear what the phone task learns from."""
    from tfaudiogan.data.phone import degrade_file

    chain = degrade_file(recording, out, preset=preset, seed=seed)
    print(f"{out}: {chain}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 on success, 2 for bad usage or input, 1 for anything else."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        app(arguments, prog_name="tfaudiogan")
    except Exception as error:
        if debug:
            raise
        status, message = _explain(error)
        console.print(f"[red]error:[/] {message}", soft_wrap=True, markup=True)
        sys.exit(status)


def _explain(error: Exception) -> tuple[int, str]:
    from rich.markup import escape

    text = escape(" ".join(str(error).split()))
    if isinstance(error, InputError):
        return 2, text
    if isinstance(error, OSError):
        return 2, text
    if type(error).__name__ == "Interrupted":
        return 130, text
    if type(error).__name__ == "Diverged":
        return 1, text
    return 1, f"{type(error).__name__}: {text[:300]} (--debug shows where)"
