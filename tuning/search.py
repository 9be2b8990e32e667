"""Searches for loss weights, capacity and learning rates: ``python -m tuning.search``.

Several processes or machines can share a search if they share the folder ``--out`` and can read
``--data``. One chief hands out the trials, and any number of workers run them::

    python -m tuning.search --data D --out O --trials 50 --role chief --chief 127.0.0.1:8000
    python -m tuning.search --data D --out O --trials 50 --role worker --worker-id a \
        --chief 127.0.0.1:8000

All other options must be the same. A worker that died can be started again under the same name and
continues its trial. Starting all processes again continues the whole search.
"""

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfaudiogan import config as configuration
from tfaudiogan.commands.options import (
    Batch,
    ConfigFile,
    Data,
    Precision,
    Set,
    Window,
    configuration_values,
    configure,
)
from tfaudiogan.commands.running import run
from tfaudiogan.config import Config
from tfaudiogan.errors import InputError
from tfaudiogan.progress import console
from tuning import space as searching
from tuning.settings import OBJECTIVES, TUNERS, Settings, claim, earlier_precision, in_earlier_order

if TYPE_CHECKING:
    from tfaudiogan.corpus.reading import Corpus
    from tuning.records import Record

ROLES = ("alone", "chief", "worker")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _epilog() -> str:
    lines = ["Search space:"]
    for parameter in searching.PARAMETERS:
        scale = ", logarithmic" if parameter.is_logarithmic else ""
        values = "on or off" if parameter.is_switch else f"{parameter.low:g} to {parameter.high:g}"
        needs = f", with {parameter.needs}" if parameter.needs else ""
        lines.append(f"  [b]{parameter.name}[/] {values}{scale}{needs}: {parameter.meaning}")
    lines += [
        " ",
        "Examples:",
        "[b]python -m tuning.search --data corpora/piano --trials 20 --steps 500 --out search[/]",
        "[b]... --preset demo --fix adversarial=false --range lambda_f=1:50 --include-paper[/]",
        r"""[b]... --space space.json[/] with the file {"d_max": 2, "lambda_f": \[1, 50]}""",
        "[b]... --role chief[/] and, with the same options, any number of processes with",
        "[b]... --role worker --worker-id a[/] (add --chief HOST:PORT on another machine)",
    ]
    return "\n\n".join(lines)


@app.command(epilog=_epilog())
def search(
    data: Data,
    out: Annotated[
        Path, typer.Option(help="Folder of the search, which is continued if it exists.")
    ],
    trials: Annotated[
        int,
        typer.Option(
            help="Number of trials; it may be raised when the search is continued.", min=1
        ),
    ] = 20,
    tuner: Annotated[str, typer.Option(help=f"Search strategy: {', '.join(TUNERS)}.")] = "random",
    steps: Annotated[
        int | None,
        typer.Option(help="Number of generator updates in a trial; 1000 by default.", min=1),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Duration of a trial in minutes, instead of --steps.")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help=f"Preset of all other values: {', '.join(configuration.PRESETS)}; paper by "
            "default."
        ),
    ] = None,
    config: ConfigFile = None,
    space: Annotated[
        Path | None, typer.Option(help="JSON file with values and ranges of parameters.")
    ] = None,
    fix: Annotated[
        list[str] | None, typer.Option(help="Fix a parameter: NAME=VALUE. Repeatable.")
    ] = None,
    ranges: Annotated[
        list[str] | None,
        typer.Option("--range", help="Set the range of a parameter: NAME=LOW:HIGH. Repeatable."),
    ] = None,
    include_paper: Annotated[
        bool, typer.Option("--include-paper", help="Try the paper's values in the first trial.")
    ] = False,
    objective: Annotated[
        str, typer.Option(help=f"Score: {', '.join(OBJECTIVES)} (SNR - weight x LSD).")
    ] = "val_snr",
    lsd_weight: Annotated[
        float, typer.Option(help="Weight of the LSD in the weighted objective.", min=0.0)
    ] = 5.0,
    early_stopping: Annotated[
        bool,
        typer.Option(
            "--early-stopping/--no-early-stopping",
            help="Stop trials that are worse than the median of the others.",
        ),
    ] = True,
    batch: Batch = None,
    window: Window = None,
    autoencoder_steps: Annotated[
        int,
        typer.Option(
            help="Number of pretraining steps of the autoencoder that all trials share.", min=1
        ),
    ] = 1000,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Random seed of the points and of each trial; the configuration's by default.",
            min=0,
        ),
    ] = None,
    precision: Precision = None,
    set_: Set = None,
    role: Annotated[str, typer.Option(help=f"Role of this process: {', '.join(ROLES)}.")] = "alone",
    worker_id: Annotated[str | None, typer.Option(help="Unique name of a worker.")] = None,
    chief: Annotated[str, typer.Option(help="Address and port of the chief.")] = "127.0.0.1:8000",
) -> None:
    """Search loss weights, d_max and learning rates for the best validation score."""
    base = configure(
        configuration_values(
            preset,
            config,
            None,
            {
                "window": window,
                "training.batch": batch,
                "training.seed": seed,
                "training.precision": precision,
            },
            set_,
        )
    )
    settings = Settings(
        tuner=tuner,
        objective=objective,
        lsd_weight=lsd_weight,
        steps=1000 if steps is None and minutes is None else steps,
        minutes=minutes,
        early_stopping=early_stopping,
        autoencoder_steps=autoencoder_steps,
        seed=base.training.seed,
    )
    narrowing = searching.read_narrowing(space) if space else {}
    narrowing |= dict(map(searching.parse_range, ranges or ()))
    narrowing |= dict(map(searching.parse_fix, fix or ()))
    _assume(role, worker_id, chief)

    from tfaudiogan.corpus.reading import Corpus

    corpus = Corpus.load(data)
    try:
        records = run_search(
            corpus,
            out,
            trials,
            base=base,
            narrowing=narrowing,
            settings=settings,
            include_paper=include_paper,
            command=shlex.join(["python", "-m", "tuning.search", *sys.argv[1:]]),
        )
    except KeyboardInterrupt:
        console.print(f"stopped; run the same command again to continue {out}")
        raise typer.Exit(130) from None
    if role == "worker":
        console.print(f"worker {worker_id} has finished; the chief writes the report")
        return
    from tuning.records import best_record
    from tuning.report import command_to_train, print_table, verdict

    print_table(records, settings, searching.Space.over(base, narrowing))
    print(f"\n{verdict(records, settings)}")
    print(f"\nreport  {out / 'index.html'}")
    if best_record(records, settings) is not None:
        print(f"train   {command_to_train(corpus, out / 'best_config.json')}")


def _assume(role: str, worker_id: str | None, chief: str) -> None:
    """Set the environment variables by which Keras Tuner knows the role of this process."""
    if role not in ROLES:
        raise InputError(f"unknown role {role!r}; choose one of {', '.join(ROLES)}")
    if role == "alone":
        return
    host, _, port = chief.rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(f"--chief is {chief!r}; expected HOST:PORT, as in 127.0.0.1:8000")
    if role == "worker" and (not worker_id or "chief" in worker_id or "/" in worker_id):
        raise InputError(f"--worker-id is {worker_id!r}; expected a name such as a or tuner0")
    os.environ["KERASTUNER_TUNER_ID"] = "chief" if role == "chief" else str(worker_id)
    os.environ["KERASTUNER_ORACLE_IP"] = host
    os.environ["KERASTUNER_ORACLE_PORT"] = port


def run_search(
    corpus: "Corpus",
    out: Path | str,
    trials: int,
    *,
    base: Config,
    narrowing: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
    include_paper: bool = False,
    command: str = "",
) -> "list[Record]":
    """Start or continue the search in ``out`` and write its report.

    Args:
        corpus: Corpus of pairs.
        out: Folder of the search.
        trials: Number of trials.
        base: Base configuration.
        narrowing: Values and ranges of parameters, as for ``Space.over``.
        settings: Settings of the search.
        include_paper: Whether to begin with the paper's values of the searched parameters.
        command: Command to show in the report.

    Returns:
        The records of all ended trials.

    Raises:
        InputError: If the arguments are inconsistent, or ``out`` holds another search.
    """
    out, settings = Path(out), settings or Settings()
    base = in_earlier_order(base, out)
    if base.training.precision == "auto":
        from tfaudiogan.training.precision import resolve

        base = resolve(base, earlier_precision(out))
    space = searching.Space.over(base, narrowing)
    unsearched = searching.derive(
        base, {"frequency": False, "feature": False, "adversarial": False}
    )
    if not unsearched.weights.active():
        raise InputError(
            "the base configuration has only loss terms that are searched; "
            "give one of time, log_ratio or multi_resolution a weight"
        )
    if space.can_use_features:
        base.autoencoder.check_window(base.window)
    from tfaudiogan.runs.checks import check_splits

    check_splits(corpus, base.window, ("train", "validation"), base.training.batch)
    claim(out, corpus, base, space.to_dict(), settings)

    from keras_tuner.errors import FatalError

    from tfaudiogan.training.build import build_model
    from tuning.display import Display
    from tuning.hypermodel import SearchModel
    from tuning.oracles import make_oracle
    from tuning.records import read_records
    from tuning.report import write_report
    from tuning.tuner import SearchTuner

    schedule = settings.steps or base.training.epochs * base.training.steps_per_epoch
    is_worker = _role() == "worker"
    if not is_worker:
        _check_networks(build_model, base, space)
        _pretrain(base, corpus, out / "autoencoder.keras", space, settings)
    with Display(settings, trials, overall=not is_worker) as display:
        oracle = make_oracle(settings, space, trials, space.paper() if include_paper else None)
        hypermodel = SearchModel(base, space, corpus, schedule, out / "autoencoder.keras")
        tuner = SearchTuner(oracle, hypermodel, settings, space, out, display)
        oracle.on_end = lambda number: display.end(number, read_records(out))
        display.resume([] if is_worker else read_records(out))
        try:
            tuner.search(verbose=0)
        except FatalError as error:
            raise (error.__cause__ or error) from None
    records = read_records(out)
    if not is_worker:
        write_report(
            out,
            records,
            corpus=corpus,
            base=base,
            space=space,
            settings=settings,
            command=command,
        )
    return records


def _role() -> str:
    name = os.environ.get("KERASTUNER_TUNER_ID", "")
    if "KERASTUNER_ORACLE_IP" not in os.environ:
        return "alone"
    return "chief" if "chief" in name else "worker"


def _check_networks(build_model, base: Config, space: searching.Space) -> None:
    """Build the largest model of the space, so that an error is raised before the search."""
    largest = {p.name: p.high for p in space.searched if p.name == "d_max"} | {"feature": False}
    if space.can_use_discriminator:
        largest |= {"adversarial": True, "lambda_adv": 1.0}
    build_model(searching.derive(base, largest), 1)


def _pretrain(base: Config, corpus, path: Path, space: searching.Space, settings: Settings) -> None:
    if path.is_file() or not space.can_use_features:
        return
    from tfaudiogan.runs.train import train_autoencoder

    console.print(f"pretraining the shared autoencoder for {settings.autoencoder_steps} steps")
    train_autoencoder(base, corpus, path, settings.autoencoder_steps)


def main(arguments: Sequence[str] | None = None) -> None:
    """Search and exit with the status of ``commands.running.run``."""
    run(app, "python -m tuning.search", arguments)


if __name__ == "__main__":
    main()
