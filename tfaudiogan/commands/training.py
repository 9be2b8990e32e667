"""Commands that train models and repeat the paper's experiments."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfaudiogan import config as configuration
from tfaudiogan.commands.options import (
    Batch,
    ConfigFile,
    ConfigSeed,
    Data,
    Precision,
    Set,
    Window,
    configuration_values,
    configure,
    examples,
)
from tfaudiogan.errors import InputError
from tfaudiogan.progress import console

if TYPE_CHECKING:
    from tfaudiogan.corpus.reading import Corpus

app = typer.Typer()


def _next_free(folder: Path) -> Path:
    candidate, number = folder, 1
    while candidate.exists():
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate


def _for_superres(chosen: configuration.Config, corpus: "Corpus") -> dict[str, Any]:
    """Return what lets a generator add the upper part of the spectrum to its input."""
    if chosen.generator.kind == "waveform":
        return {"additive_skip": True}
    from tfaudiogan.making.superres import first_missing_bin

    return {"replication": first_missing_bin(corpus, chosen.generator.n_fft)}


def _demo_corpus(seed: int):
    from tfaudiogan.making.composer import compose_corpus
    from tfaudiogan.making.instrument import render_corpus

    midi = Path("corpora/demo-midi")
    console.print("composing and rendering the demo corpus")
    compose_corpus(midi, seed=seed)
    corpus, _ = render_corpus(
        midi, Path("corpora/demo"), sample_rate=DEMO_SAMPLE_RATE, overwrite=True
    )
    return corpus


DEMO_SAMPLE_RATE = 16000
PRESET_NAMES = ", ".join(configuration.PRESETS)
TERM_NAMES = ", ".join(field.name for field in dataclasses.fields(configuration.LossWeights))


@app.command(
    epilog=examples(
        "python train.py  # The demo corpus, a few minutes on two cores.",
        "tfaudiogan train --data corpora/piano --preset paper --loss time+frequency",
        "tfaudiogan train --data corpora/piano --loss time+adversarial --run runs/gan",
        "tfaudiogan train --data corpora/piano --run runs/gan --resume",
    )
)
def train(
    data: Annotated[
        str | None,
        typer.Option(help="Folder or URL of a corpus; the embedded demo corpus by default."),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run; a new one in runs/ by default.")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help=f"Preset: {PRESET_NAMES}. demo without --data, paper otherwise."),
    ] = None,
    config: ConfigFile = None,
    loss: Annotated[
        str | None,
        typer.Option(
            help="Loss terms with optional weights, such as time+frequency=10+adversarial=1e-4. "
            f"Terms: {TERM_NAMES}."
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Number of epochs.", min=1)] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Number of generator updates, instead of --epochs.", min=1),
    ] = None,
    steps_per_epoch: Annotated[
        int | None, typer.Option(help="Number of generator updates in an epoch.", min=1)
    ] = None,
    batch: Batch = None,
    window: Window = None,
    d_max: Annotated[
        int | None,
        typer.Option(help="Number of times that the generator doubles its filters.", min=0),
    ] = None,
    additive_skip: Annotated[
        bool | None,
        typer.Option(
            "--additive-skip/--no-additive-skip",
            help="Add the input to a waveform generator's output; on by default for superres "
            "corpora without --config.",
        ),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Learning rate of the generator.", min=0.0)
    ] = None,
    seed: ConfigSeed = None,
    precision: Precision = None,
    set_: Set = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue the run in --run with its own settings; an option that contradicts "
            "them is an error. A larger --steps extends it, except with a cosine schedule.",
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Remove the run in --run and start again."),
    ] = False,
    monitor: Annotated[
        str | None,
        typer.Option(
            help="Validation log whose best epoch is kept: val_snr (default), val_lsd, val_loss or "
            "a loss term such as val_frequency."
        ),
    ] = None,
    objective: Annotated[
        str | None, typer.Option(help="GAN objective: wasserstein, saturating or non_saturating.")
    ] = None,
    n_critic: Annotated[
        int | None,
        typer.Option(help="Number of critic updates for each generator update.", min=1),
    ] = None,
    gradient_penalty: Annotated[
        float | None, typer.Option(help="Weight of the gradient penalty.", min=0.0)
    ] = None,
    penalty_at: Annotated[
        str | None,
        typer.Option(help="Windows that the penalty is taken at: interpolates or generated."),
    ] = None,
    relative_penalty: Annotated[
        bool | None,
        typer.Option(
            "--relative-penalty/--absolute-penalty",
            help="Scale the critic's gradient as for windows of level 1, or use it as it is (the "
            "paper's penalty, the default).",
        ),
    ] = None,
    weight_clip: Annotated[
        float | None, typer.Option(help="Bound on the critic's weights, instead of the penalty.")
    ] = None,
    coupling_step: Annotated[
        int | None,
        typer.Option(
            help="Number of generator updates before the adversarial loss is added.", min=0
        ),
    ] = None,
    normalization: Annotated[
        str | None, typer.Option(help="Normalization layers of the critic: layer, batch or none.")
    ] = None,
    warm_start: Annotated[
        Path | None, typer.Option(help="Generator (.keras) with the initial weights.")
    ] = None,
    autoencoder: Annotated[
        Path | None,
        typer.Option(help="Trained autoencoder (.keras); one is pretrained by default."),
    ] = None,
    autoencoder_steps: Annotated[
        int | None,
        typer.Option(
            help="Number of pretraining steps of the autoencoder, with two updates each; 1000 by "
            "default.",
            min=1,
        ),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="License of the weights, which the model file records.")
    ] = None,
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard", help="Also log curves, audio and spectrograms for TensorBoard."
        ),
    ] = False,
    strategy: Annotated[
        str,
        typer.Option(
            help="Devices that share each batch: none (a single device), mirrored (all devices of "
            "this machine) or multiworker (all processes in TF_CONFIG; see docs/devices.md)."
        ),
    ] = "none",
) -> None:
    """Train a generator, evaluate it and write a report.

    Without --data, the demo corpus is composed and used.
    """
    from tfaudiogan.corpus.reading import Corpus
    from tfaudiogan.runs.checks import check_monitor, check_splits
    from tfaudiogan.runs.folder import RESUME_ADVICE, RunFolder
    from tfaudiogan.runs.identity import check_given

    values = configuration_values(
        preset,
        config,
        loss,
        {
            "window": window,
            "generator.d_max": d_max,
            "generator.additive_skip": additive_skip,
            "discriminator.normalization": normalization,
            "adversarial.objective": objective,
            "adversarial.n_critic": n_critic,
            "adversarial.gradient_penalty": gradient_penalty,
            "adversarial.penalty_at": penalty_at,
            "adversarial.relative_penalty": relative_penalty,
            "adversarial.weight_clip": weight_clip,
            "adversarial.coupling_step": coupling_step,
            "optimizer.learning_rate": learning_rate,
            "training.epochs": epochs,
            "training.steps_per_epoch": steps_per_epoch,
            "training.batch": batch,
            "training.seed": seed,
            "training.precision": precision,
        },
        set_,
    )
    if resume and overwrite:
        raise InputError("--resume and --overwrite exclude each other; give only one of them")
    if resume:
        if run is None:
            raise InputError("--resume needs the folder of the run; give --run")
        chosen, facts = RunFolder(run).read()
        if values.get("training", {}).get("precision") == "auto":
            del values["training"]["precision"]
        check_given(run, dataclasses.asdict(chosen), values, RESUME_ADVICE)
        if data is None and "://" not in facts["corpus"] and not Path(facts["corpus"]).is_dir():
            raise InputError(
                f"the corpus of {run} was {facts['corpus']}, which is not there; give its folder "
                "with --data"
            )
        corpus = Corpus.load(data or facts["corpus"])
    else:
        corpus = Corpus.load(data) if data else None
        chosen = configure(values, "paper" if data else "demo")
        if config is None and corpus and corpus.task == "superres":
            given = values.get("generator", {})
            chosen = chosen.changed({"generator": {**_for_superres(chosen, corpus), **given}})
        check_monitor(chosen, monitor or "val_snr")
        if run is not None and not overwrite:
            RunFolder(run).check_free()
    from tfaudiogan.evaluation.run_report import report_run
    from tfaudiogan.runs.devices import choose
    from tfaudiogan.runs.train import train as train_run

    devices = choose(strategy)
    corpus = corpus or _demo_corpus(chosen.training.seed)
    name = f"{corpus.folder.resolve().name}-{chosen.preset}" if data else "demo"
    folder = run or _next_free(Path("runs") / name)
    check_splits(corpus, chosen.window, ("test",))
    callbacks = []
    if tensorboard and devices.chief:
        from tfaudiogan.runs.tensorboard import tensorboard_callbacks

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
        devices=devices,
    )
    if not devices.chief:
        return
    scores = report_run(finished, corpus)
    print(scores.to_text())
    print(f"\nreport   {finished.report / 'index.html'}")
    print(f"enhance  tfaudiogan enhance RECORDING.wav --model {finished.generator} --out OUT.wav")


experiments = typer.Typer(
    help="Repeat the paper's experiments on your own corpus.", no_args_is_help=True
)

AutoencoderSteps = Annotated[
    int,
    typer.Option(
        help="Number of pretraining steps of the autoencoder, with two updates each.", min=1
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(help=f"Preset of networks, window and batch: {PRESET_NAMES}; paper by default."),
]
ExperimentFolder = Annotated[
    Path, typer.Option(help="Folder of the experiment, which is continued if it exists.")
]


@experiments.command(
    epilog=examples(
        "tfaudiogan experiment table1 --data corpora/piano --out table1",
        "tfaudiogan experiment table1 --data corpora/demo --preset demo --steps 200 --out t1",
        "tfaudiogan experiment table1 --data corpora/piano --out table1 --only time "
        "--row long=long.json:6000 --only long",
    )
)
def table1(
    data: Data,
    out: ExperimentFolder,
    preset: Preset = None,
    config: ConfigFile = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Number of generator updates for each row, instead of --epochs. A larger number "
            "extends an experiment.",
            min=1,
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Number of epochs for each row.", min=1)
    ] = None,
    batch: Batch = None,
    window: Window = None,
    n_critic: Annotated[
        int | None,
        typer.Option(help="Number of critic updates for each generator update.", min=1),
    ] = None,
    seed: ConfigSeed = None,
    precision: Precision = None,
    set_: Set = None,
    autoencoder_steps: AutoencoderSteps = 1000,
    windows: Annotated[
        int | None, typer.Option(help="Largest number of test windows; all by default.", min=1)
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(help="Largest length of each test track; whole tracks by default.", min=0.1),
    ] = None,
    row: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="Additional row: a JSON file with the differences from the row time or from the "
            "preset that it names, and optionally label, steps and start, a row whose generator "
            "provides the initial weights. NAME=FILE:STEPS sets the number of generator updates. "
            "The folder keeps the row. Repeatable.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Train and score only this row: time, frequency, feature, adversarial, "
            "adversarial-relative, modern or one of --row. The table names the missing rows. "
            "Repeatable.",
        ),
    ] = None,
) -> None:
    """Train with the paper's four losses, a relative penalty and the modern loss (Table I).

    All rows start from the same weights. All but the last row use the optimizer of the paper, or
    that of --config if it is given. The relative row's critic has a rate of at most 3e-4.
    """
    values = configuration_values(
        preset,
        config,
        None,
        {
            "window": window,
            "adversarial.n_critic": n_critic,
            "training.epochs": epochs,
            "training.batch": batch,
            "training.seed": seed,
            "training.precision": precision,
        },
        set_,
    )
    chosen = configure(values)
    if config is None:
        chosen = dataclasses.replace(chosen, optimizer=configuration.preset("paper").optimizer)
        chosen = chosen.changed({"optimizer": values.get("optimizer", {})})
    from tfaudiogan.corpus.reading import Corpus
    from tfaudiogan.experiments.table1 import run_table1
    from tfaudiogan.experiments.variants import parse_row

    settings = chosen.training
    rows = [parse_row(text, chosen) for text in row or ()]
    run_table1(
        Corpus.load(data),
        out,
        config=chosen,
        steps=steps or settings.epochs * settings.steps_per_epoch,
        autoencoder_steps=autoencoder_steps,
        windows=windows,
        seconds=seconds,
        rows=rows,
        only=only or (),
    )
    print((out / "table1.txt").read_text(encoding="utf-8"))
    print(f"report {out / 'index.html'}")


@experiments.command(
    epilog=examples(
        "tfaudiogan experiment figure6 --data corpora/piano --out experiments/f6 "
        "--classifier-weight 0.1",
    )
)
def figure6(
    data: Data,
    out: ExperimentFolder,
    preset: Preset = None,
    config: ConfigFile = None,
    window: Window = None,
    batch: Batch = None,
    batches: Annotated[
        int, typer.Option(help="Number of batches of 64 pairs of windows to show.", min=1)
    ] = 10,
    seed: ConfigSeed = None,
    precision: Precision = None,
    set_: Set = None,
    autoencoder: Annotated[
        Path | None,
        typer.Option(help="Trained autoencoder (.keras); one is pretrained by default."),
    ] = None,
    autoencoder_steps: AutoencoderSteps = 1000,
    classifier_weight: Annotated[
        float,
        typer.Option(
            help="Classifier weight of a second autoencoder, which is trained if it is not 0.",
            min=0.0,
        ),
    ] = 0.0,
) -> None:
    """Embed the autoencoder's bottleneck and measure how separable the sounds are (Figure 6)."""
    options = {
        "window": window,
        "training.batch": batch,
        "training.seed": seed,
        "training.precision": precision,
    }
    chosen = configure(configuration_values(preset, config, None, options, set_))
    from tfaudiogan.corpus.reading import Corpus
    from tfaudiogan.experiments.figure6 import run_figure6

    separations = run_figure6(
        Corpus.load(data),
        out,
        config=chosen,
        autoencoder=autoencoder,
        autoencoder_steps=autoencoder_steps,
        batches=batches,
        seed=chosen.training.seed,
        classifier_weight=classifier_weight,
    )
    for separation in separations:
        print(f"{separation.label}: mean separability {separation.mean:.2f} (0.5: inseparable)")
    print(f"report {out / 'index.html'}")
