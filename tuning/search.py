"""``python -m tuning.search``: find loss weights, capacity and learning rates for a budget.

Several processes or machines share one search when they share the folder ``--out`` and can read
``--data``: one chief hands out the trials, any number of workers run them::

    python -m tuning.search --data D --out O --trials 50 --role chief --chief 127.0.0.1:8000
    python -m tuning.search --data D --out O --trials 50 --role worker --worker-id a \
        --chief 127.0.0.1:8000

All give the same options otherwise. A worker that died is started again under its own name and
takes up its trial; the whole search is continued by starting all of them again.
"""

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfaudiogan import config as configuration
from tfaudiogan.commands.options import Data, Precision, Set, configuration_values, configure
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
        drawn = ", logarithmic" if parameter.is_logarithmic else ""
        values = "on or off" if parameter.is_switch else f"{parameter.low:g} to {parameter.high:g}"
        needs = f", with {parameter.needs}" if parameter.needs else ""
        lines.append(f"  [b]{parameter.name}[/] {values}{drawn}{needs}: {parameter.meaning}")
    lines += [
        " ",
        "Examples:",
        "[b]python -m tuning.search --data corpora/piano --trials 20 --steps 500 --out found[/]",
        "[b]... --preset demo --fix adversarial=false --range lambda_f=1:50 --include-paper[/]",
        r"""[b]... --space space.json[/] that says {"d_max": 2, "lambda_f": \[1, 50]}""",
        "[b]... --role chief[/], and beside it, with the same options and as often as you like,",
        "[b]... --role worker --worker-id a[/]; --chief HOST:PORT where that is another machine",
    ]
    return "\n\n".join(lines)


@app.command(epilog=_epilog())
def search(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder of the search; continued if it is there.")],
    trials: Annotated[int, typer.Option(help="In all; may grow when continued.", min=1)] = 20,
    tuner: Annotated[str, typer.Option(help=f"One of {', '.join(TUNERS)}.")] = "random",
    steps: Annotated[
        int | None, typer.Option(help="Generator updates of a trial; 1000 unless given.", min=1)
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Length of a trial, in place of --steps.")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help=f"What is not searched: {', '.join(configuration.PRESETS)}; paper unless given."
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="JSON file in place of a preset, whole or its differences.")
    ] = None,
    space: Annotated[
        Path | None, typer.Option(help="JSON file of values and ranges by parameter.")
    ] = None,
    fix: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE: leave a parameter out; repeatable.")
    ] = None,
    ranges: Annotated[
        list[str] | None, typer.Option("--range", help="NAME=LOW:HIGH; repeatable.")
    ] = None,
    include_paper: Annotated[
        bool, typer.Option("--include-paper", help="Try the paper's values first, as a trial.")
    ] = False,
    objective: Annotated[
        str, typer.Option(help=f"One of {', '.join(OBJECTIVES)} (SNR - weight x LSD).")
    ] = "val_snr",
    lsd_weight: Annotated[
        float, typer.Option(help="Weight of the LSD in the weighted objective.", min=0.0)
    ] = 5.0,
    early_stopping: Annotated[
        bool,
        typer.Option(
            "--early-stopping/--no-early-stopping",
            help="End trials that are worse than the median of the others so far.",
        ),
    ] = True,
    batch: Annotated[int | None, typer.Option(help="Windows of an update.", min=1)] = None,
    window: Annotated[int | None, typer.Option(help="Samples of a window.", min=2)] = None,
    autoencoder_steps: Annotated[
        int, typer.Option(help="Steps of the pretraining that all trials share.", min=1)
    ] = 1000,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Random seed of the points and of every trial; the configuration's unless given.",
            min=0,
        ),
    ] = None,
    precision: Precision = None,
    set_: Set = None,
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")] = "alone",
    worker_id: Annotated[
        str | None, typer.Option(help="A name of its own for each worker.")
    ] = None,
    chief: Annotated[str, typer.Option(help="Where the chief listens.")] = "127.0.0.1:8000",
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
        console.print(f"stopped; the same command goes on with {out}")
        raise typer.Exit(130) from None
    if role == "worker":
        console.print(f"worker {worker_id} has no more to do; the chief writes the report")
        return
    from tuning.records import best_record
    from tuning.report import command_to_train, print_table, verdict

    print_table(records, settings, searching.Space.over(base, narrowing))
    print(f"\n{verdict(records, settings)}")
    print(f"\nreport  {out / 'index.html'}")
    if best_record(records, settings) is not None:
        print(f"train   {command_to_train(corpus, out / 'best_config.json')}")


def _assume(role: str, worker_id: str | None, chief: str) -> None:
    """Tell Keras Tuner, which reads the environment, who this process is."""
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
    """Search, or go on with the search in ``out``, and write its report.

    Args:
        corpus: the pairs.
        out: folder of the search.
        trials: in all.
        base: configuration of everything that is not searched.
        narrowing: of the space, as for ``Space.over``.
        settings: of the search.
        include_paper: begin with the paper's values of the searched parameters.
        command: that the report should show.

    Returns:
        The records of all trials that ended.

    Raises:
        InputError: when something does not fit together, or ``out`` holds another search.
    """
    out, settings = Path(out), settings or Settings()
    base = in_earlier_order(base, out)
    if base.training.precision == "auto":
        from tfaudiogan.training.precision import resolve

        base = resolve(base, earlier_precision(out))
    space = searching.Space.over(base, narrowing)
    kept = searching.derive(base, {"frequency": False, "feature": False, "adversarial": False})
    if not kept.weights.active():
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
    """Build the largest model of the space, so that what cannot be built is known at once."""
    largest = {p.name: p.high for p in space.searched if p.name == "d_max"} | {"feature": False}
    if space.can_use_critic:
        largest |= {"adversarial": True, "lambda_adv": 1.0}
    build_model(searching.derive(base, largest), 1)


def _pretrain(base: Config, corpus, path: Path, space: searching.Space, settings: Settings) -> None:
    if path.is_file() or not space.can_use_features:
        return
    from tfaudiogan.runs.train import train_autoencoder

    console.print(f"pretraining the autoencoder of all trials, {settings.autoencoder_steps} steps")
    train_autoencoder(base, corpus, path, settings.autoencoder_steps)


def main(arguments: Sequence[str] | None = None) -> None:
    """Search and exit, as ``commands.running.run`` says."""
    run(app, "python -m tuning.search", arguments)


if __name__ == "__main__":
    main()
