"""Commands that train."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from tfaudiogan import config as configuration
from tfaudiogan.commands.options import Data, Precision, Set, asked, configure
from tfaudiogan.errors import InputError
from tfaudiogan.progress import console

app = typer.Typer()


def _next_free(folder: Path) -> Path:
    free, number = folder, 1
    while free.exists():
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free


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
        str | None,
        typer.Option(help="Folder or URL of a corpus; the embedded demo unless given."),
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
    additive_skip: Annotated[
        bool | None,
        typer.Option(
            "--additive-skip/--no-additive-skip",
            help="Add the input to a waveform generator's output; on for superres, unless "
            "--config is given.",
        ),
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0.0)] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed.")] = None,
    precision: Precision = None,
    set_: Set = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue the run in --run with all that made it; an option that contradicts it "
            "is an error.",
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Begin anew where --run holds a run, which is removed."),
    ] = False,
    monitor: Annotated[
        str | None,
        typer.Option(
            help="Log whose best epoch is kept: val_snr (unless given), val_lsd, val_loss or that "
            "of a loss term, as in val_frequency."
        ),
    ] = None,
    objective: Annotated[
        str | None, typer.Option(help="wasserstein, saturating or non_saturating.")
    ] = None,
    n_critic: Annotated[
        int | None, typer.Option(help="Critic updates for each generator update.", min=1)
    ] = None,
    gradient_penalty: Annotated[
        float | None, typer.Option(help="Weight of the gradient penalty.", min=0.0)
    ] = None,
    penalty_at: Annotated[str | None, typer.Option(help="interpolates or generated.")] = None,
    relative_penalty: Annotated[
        bool | None,
        typer.Option(
            "--relative-penalty/--absolute-penalty",
            help="Take the critic's gradient for windows of level 1, or as it is (the paper's "
            "penalty, which is used unless given).",
        ),
    ] = None,
    weight_clip: Annotated[
        float | None, typer.Option(help="Bound of the critic's weights, in place of the penalty.")
    ] = None,
    coupling_step: Annotated[
        int | None, typer.Option(help="Generator updates before the critic joins in.", min=0)
    ] = None,
    normalization: Annotated[
        str | None, typer.Option(help="Normalization in the critic: layer, batch or none.")
    ] = None,
    warm_start: Annotated[
        Path | None, typer.Option(help="Generator (.keras) to start from.")
    ] = None,
    autoencoder: Annotated[
        Path | None, typer.Option(help="Trained autoencoder; pretrained first unless given.")
    ] = None,
    autoencoder_steps: Annotated[
        int | None,
        typer.Option(
            help="Steps of the autoencoder's pretraining, two updates each; 1000 unless given.",
            min=1,
        ),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="License of the weights, kept in the model file.")
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Log curves, audio and spectrograms too.")
    ] = False,
    strategy: Annotated[
        str,
        typer.Option(
            help="Devices that share each batch: none (one), mirrored (all of this machine) or "
            "multiworker (those of all processes in TF_CONFIG; see docs/devices.md)."
        ),
    ] = "none",
) -> None:
    """Train a generator, evaluate it and write its report; without --data, on the demo corpus."""
    from tfaudiogan.corpus.reading import Corpus
    from tfaudiogan.runs.checks import check_monitor, check_splits
    from tfaudiogan.runs.folder import RESUME_ADVICE, RunFolder
    from tfaudiogan.runs.identity import check_given

    values = asked(
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
        raise InputError("--resume continues a run and --overwrite begins it anew; give one")
    if resume:
        if run is None:
            raise InputError("--resume needs the --run to continue")
        chosen, facts = RunFolder(run).read()
        if values.get("training", {}).get("precision") == "auto":
            del values["training"]["precision"]
        check_given(run, dataclasses.asdict(chosen), values, RESUME_ADVICE)
        corpus = Corpus.load(data or facts["corpus"])
    else:
        corpus = Corpus.load(data) if data else None
        chosen = configure(values, "paper" if data else "demo")
        if additive_skip is None and config is None and corpus and corpus.task == "superres":
            skip = {"generator": {"additive_skip": chosen.generator.kind == "waveform"}}
            if "additive_skip" not in values.get("generator", {}):
                chosen = chosen.changed(skip)
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
    help="The paper's experiments on a corpus of yours.", no_args_is_help=True
)

AutoencoderSteps = Annotated[
    int, typer.Option(help="Steps of the autoencoder's pretraining, two updates each.", min=1)
]
Preset = Annotated[
    str | None,
    typer.Option(help=f"Networks, window and batch: one of {PRESETS}; paper unless given."),
]
File = Annotated[
    Path | None, typer.Option(help="JSON file in place of a preset, whole or its differences.")
]


@experiments.command(
    epilog="Examples: [b]tfaudiogan experiment table1 --data corpora/piano --out table1[/]   "
    "[b]tfaudiogan experiment table1 --data corpora/demo --preset demo --steps 200 --out t1[/]   "
    "[b]tfaudiogan experiment table1 --data corpora/piano --out table1 --only time "
    "--row long=long.json:6000 --only long[/]"
)
def table1(
    data: Data,
    out: Annotated[Path, typer.Option(help="The experiment's folder; continued if it is there.")],
    preset: Preset = None,
    config: File = None,
    steps: Annotated[
        int | None, typer.Option(help="Generator updates of each row, in place of epochs.", min=1)
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1)] = None,
    batch: Annotated[int | None, typer.Option(help="Windows of an update.", min=1)] = None,
    window: Annotated[int | None, typer.Option(help="Samples of a window.", min=2)] = None,
    n_critic: Annotated[
        int | None, typer.Option(help="Critic updates for each generator update.", min=1)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed.")] = None,
    precision: Precision = None,
    set_: Set = None,
    autoencoder_steps: AutoencoderSteps = 1000,
    windows: Annotated[
        int | None, typer.Option(help="At most so many test windows, evenly spread.", min=1)
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="At most that much of each test track.", min=0.1)
    ] = None,
    row: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="A further row, by a JSON file with what differs from the row time, or from the "
            "preset that it names; label and steps may stand in it. NAME=FILE:STEPS gives its "
            "generator updates. The folder remembers it. Repeatable.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Train and score this row alone: time, frequency, feature, adversarial, "
            "adversarial-relative, modern or one of --row. The table says what is missing. "
            "Repeatable.",
        ),
    ] = None,
) -> None:
    """Train the paper's four composite losses, the last with a relative penalty too, and a recipe
    of today, from one common start.

    All but the last take the optimizer of the paper, or of [b]--config[/] where it is given.
    """
    values = asked(
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
    epilog="Example: [b]tfaudiogan experiment figure6 --data corpora/piano --out experiments/f6 "
    "--classifier-weight 0.1[/]"
)
def figure6(
    data: Data,
    out: Annotated[Path, typer.Option(help="The experiment's folder; continued if it is there.")],
    preset: Preset = None,
    config: File = None,
    window: Annotated[int | None, typer.Option(help="Samples of a window.", min=2)] = None,
    batch: Annotated[int | None, typer.Option(help="Windows of an update.", min=1)] = None,
    batches: Annotated[
        int, typer.Option(help="So many times 64 pairs of windows are shown.", min=1)
    ] = 10,
    seed: Annotated[int | None, typer.Option(help="Random seed.")] = None,
    precision: Precision = None,
    set_: Set = None,
    autoencoder: Annotated[
        Path | None, typer.Option(help="Trained autoencoder; trained first unless given.")
    ] = None,
    autoencoder_steps: AutoencoderSteps = 1000,
    classifier_weight: Annotated[
        float,
        typer.Option(help="Weight of a second autoencoder's classifier; 0 trains none.", min=0.0),
    ] = 0.0,
) -> None:
    """Embed the autoencoder's bottleneck channels, and say how separable the two sounds are."""
    options = {
        "window": window,
        "training.batch": batch,
        "training.seed": seed,
        "training.precision": precision,
    }
    chosen = configure(asked(preset, config, None, options, set_))
    from tfaudiogan.corpus.reading import Corpus
    from tfaudiogan.experiments.figure6 import run_figure6

    found = run_figure6(
        Corpus.load(data),
        out,
        config=chosen,
        autoencoder=autoencoder,
        autoencoder_steps=autoencoder_steps,
        batches=batches,
        seed=chosen.training.seed,
        classifier_weight=classifier_weight,
    )
    for one in found:
        print(f"{one.label}: mean separability {one.mean:.2f} (0.5 is inseparable)")
    print(f"report {out / 'index.html'}")
