"""Table I: the paper's composite losses and others beside them, from one common start."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfaudiogan.config import Config, LossWeights
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.evaluation.run_report import EQUALIZER
from tfaudiogan.experiments.folder import EXPERIMENT, settled
from tfaudiogan.experiments.table1_page import write_table1
from tfaudiogan.experiments.table1_scores import SPLIT, Measure
from tfaudiogan.experiments.variants import Variant, after_starts, load_row, table1_variants
from tfaudiogan.progress import console
from tfaudiogan.reporting.tables import Scores, join
from tfaudiogan.runs.checks import check_splits, extends
from tfaudiogan.runs.identity import check_same, read_json
from tfaudiogan.storage import write_text

ROWS = "rows"
_BASELINES = "baselines"
_RESERVED = (_BASELINES, EQUALIZER, "identity", "silence", "best_gain")
_ADVICE = "give the same, or another --out"
_ROW_ADVICE = "give the same, or the row another name"


def run_table1(
    corpus: Corpus,
    out: Path | str,
    *,
    config: Config,
    steps: int,
    autoencoder_steps: int,
    windows: int | None = None,
    seconds: float | None = None,
    rows: Sequence[Variant] = (),
    only: Sequence[str] = (),
) -> Scores:
    """Train every row, score it on the test split, write the table and its page (section V-B).

    The rows of equal networks begin with the same weights, and all take the same number of
    generator updates on the same corpus unless a row of the user's says otherwise. Each keeps the
    generator of its epoch with the best validation SNR. The page is ``out/index.html``; the table
    ``table1.txt``, ``.md`` and ``.json``; each row's run is a folder of ``out/runs``. The same call
    continues an experiment that was interrupted: rows that are finished are neither trained nor
    scored again. With more steps, it extends the rows, whose weights end as if they had been
    trained for that long at once; if the earlier end was within an epoch, that epoch's row of the
    history covers its last updates only. Rows whose learning rate falls to zero must be trained
    again.

    Args:
        corpus: the pairs.
        out: the experiment's folder.
        config: what the rows have in common; its loss weights are not used.
        steps: generator updates of each row.
        autoencoder_steps: of the pretraining that the feature loss needs, two updates each.
        windows: at most so many test windows, spread evenly; ``None`` is all.
        seconds: at most that much of each test track; ``None`` is all.
        rows: further ones (``variants.load_row``); the folder remembers them.
        only: names of the rows to train and score; all where there is none. The table has what is
            finished besides, and says what is missing.

    Raises:
        InputError: when a size is out of range, a name unknown or taken, or the folder holds
            another experiment.
        Diverged: when a row's loss is not a number.
        Interrupted: after Ctrl-C, with the state saved.
    """
    from tfaudiogan.runs.folder import RunFolder

    out = Path(out)
    for name, value in (("steps", steps), ("autoencoder steps", autoencoder_steps)):
        if value < 1:
            raise InputError(f"{name} is {value}; expected 1 or more")
    config = settled(config, out)
    variants = after_starts(
        [
            dataclasses.replace(row, steps=row.steps or steps)
            for row in (*table1_variants(config), *_further_rows(out / ROWS, rows, config))
        ]
    )
    chosen = _chosen(variants, only)
    check_splits(corpus, config.window, (SPLIT,))
    identity = {
        "experiment": "table1",
        "corpus": corpus.checksum,
        "steps": steps,
        "autoencoder_steps": autoencoder_steps,
        "config": {n: v for n, v in dataclasses.asdict(config).items() if n != "weights"},
    }
    kept = _extended(out, steps)
    if kept is not None:
        check_same(out, kept, json.loads(json.dumps(identity)), _ADVICE)
    runs = {row.name: RunFolder(out / "runs" / row.name) for row in variants}
    for row in chosen:
        check_splits(corpus, row.config.window, ("train", "validation"), row.config.training.batch)
        _check_run(row, runs[row.name], corpus)
        _check_start(row, variants, chosen, runs)
    write_text(out / EXPERIMENT, json.dumps(identity, indent=2) + "\n")
    config.save(out / "config.json")
    for row in rows:
        next(one for one in variants if one.name == row.name).save(out / ROWS / f"{row.name}.json")

    measure = Measure(corpus, config.window, windows, seconds)
    for number, row in enumerate(chosen, start=1):
        console.print(f"row {number} of {len(chosen)}: {row.label}", markup=False)
        run = runs[row.name]
        if (_steps_made(run) or 0) < (row.steps or 0):
            autoencoder = None
            if _shares_autoencoder(row, config):
                path = out / "autoencoder.keras"
                autoencoder = _autoencoder(config, corpus, path, autoencoder_steps)
            start = runs[row.start].generator if row.start else None
            _train(row, corpus, run, autoencoder, autoencoder_steps, start)
        measure.row(run)
    scores, missing = {}, {}
    for row in variants:
        found, reason = _finished(row, runs[row.name], corpus, measure)
        if found is None:
            missing[row.label] = reason
        else:
            scores[row.label] = found
    joined = join({_BASELINES: measure.baselines(out), **scores})
    write_table1(
        out,
        corpus,
        joined,
        [row for row in variants if row.label in scores],
        runs,
        config=config,
        missing=missing,
        facts={
            "steps": steps,
            "windows_of_a_step": config.training.batch,
            "autoencoder_steps": autoencoder_steps,
            "seed": config.training.seed,
        },
        command=_command(corpus, out, variants, steps, autoencoder_steps, windows, seconds),
    )
    return joined


def _extended(out: Path, steps: int) -> dict[str, Any] | None:
    """Return what the experiment in a folder was made with, if any, but with at least ``steps``."""
    path = out / EXPERIMENT
    if not path.is_file():
        return None
    kept = read_json(path)
    made = kept.get("steps")
    return {**kept, "steps": steps} if isinstance(made, int) and made < steps else kept


def _further_rows(folder: Path, given: Sequence[Variant], config: Config) -> list[Variant]:
    """Return the remembered and the given rows; a given row replaces one of the same name."""
    found = {path.stem: load_row(path.stem, path, config) for path in sorted(folder.glob("*.json"))}
    names = [row.name for row in given]
    for row in given:
        if names.count(row.name) > 1:
            raise InputError(f"--row {row.name} is given twice; give another name")
        chosen, before = row.config, found.get(row.name)
        if before is not None:
            chosen = chosen.in_order(before.config.generator.subpixel)
        if chosen.training.precision == "auto":
            from tfaudiogan.training.precision import resolve

            chosen = resolve(chosen, before.config.training.precision if before else None)
        found[row.name] = dataclasses.replace(row, config=chosen)
    return list(found.values())


def _chosen(variants: Sequence[Variant], only: Sequence[str]) -> list[Variant]:
    names, labels = ([getattr(row, what) for row in variants] for what in ("name", "label"))
    for name in only:
        if name not in names:
            raise InputError(f"--only {name}: there is no such row; choose of {', '.join(names)}")
    for label in labels:
        if labels.count(label) > 1 or label in _RESERVED:
            raise InputError(f"label {label!r} is taken in this table; give the row another")
    return [row for row in variants if not only or row.name in only]


def _check_run(row: Variant, run: Any, corpus: Corpus) -> None:
    """Raise InputError if a row's folder contains a run of other settings."""
    if not run.facts.is_file():
        return
    kept, facts = run.read()
    starts = {True: "another row", False: "new weights"}
    start = starts[facts.get("warm_start_sha256") is not None]
    made = facts["steps"]
    if extends(run.path, kept, made, row.steps, "remove the folder to train it again"):
        made = row.steps
    before = {**dataclasses.asdict(kept), "steps": made, "start": start}
    now = {**dataclasses.asdict(row.config), "steps": row.steps, "start": starts[bool(row.start)]}
    check_same(run.path, before, now, _ROW_ADVICE)
    if facts["corpus_sha256"] != corpus.checksum:
        raise InputError(f"{run.path} was trained on another corpus; {_ADVICE}")


def _check_start(
    row: Variant, variants: Sequence[Variant], chosen: Sequence[Variant], runs: Mapping[str, Any]
) -> None:
    """Raise InputError if a row that is not begun could not start as it says."""
    from tfaudiogan.training.build import check_networks, generator_from_config

    if row.start is None or runs[row.name].facts.is_file():
        return
    (start,) = (one for one in variants if one.name == row.start)
    if start not in chosen and (_steps_made(runs[start.name]) or 0) < (start.steps or 0):
        raise InputError(
            f"row {row.name} starts from row {start.name}, which is not trained; add --only "
            f"{start.name}"
        )
    weights = generator_from_config(start.config).get_weights()
    check_networks(row.config, weights, f"row {row.name} cannot start from row {start.name}")


def _finished(
    row: Variant, run: Any, corpus: Corpus, measure: Measure
) -> tuple[Scores | None, str]:
    """Return the scores of a finished row, or the reason why there are none."""
    steps = _steps_made(run)
    if steps is None:
        return None, "not begun"
    if steps < (row.steps or 0):
        return None, f"{steps:,} of {row.steps:,} updates"
    try:
        _check_run(row, run, corpus)
    except InputError as error:
        return None, str(error)
    if not run.generator.is_file():
        return None, "no generator was kept"
    return measure.kept(run), "trained, but not scored over these windows"


def _steps_made(run: Any) -> int | None:
    from tfaudiogan.runs.checkpoint import read_progress

    if not run.checkpoint.is_file():
        return None
    steps: int = read_progress(run.checkpoint)["step"]
    return steps


def _command(
    corpus: Corpus,
    out: Path,
    variants: Sequence[Variant],
    steps: int,
    autoencoder_steps: int,
    windows: int | None,
    seconds: float | None,
) -> str:
    command = (
        f"tfaudiogan experiment table1 --data {corpus.folder} --out {out} "
        f"--config {out / 'config.json'} --steps {steps} --autoencoder-steps {autoencoder_steps}"
    )
    command += f" --windows {windows}" if windows else ""
    command += f" --seconds {seconds:g}" if seconds else ""
    files = {row.name: out / ROWS / f"{row.name}.json" for row in variants}
    return command + "".join(f" --row {n}={p}" for n, p in files.items() if p.is_file())


def _shares_autoencoder(row: Variant, config: Config) -> bool:
    """Return whether a row's feature loss can use the experiment's autoencoder."""
    ours, common = row.config, config
    same = (ours.window, ours.autoencoder) == (common.window, common.autoencoder)
    return bool(ours.weights.feature) and same


def _autoencoder(config: Config, corpus: Corpus, path: Path, steps: int) -> Path:
    from tfaudiogan.runs.train import train_autoencoder
    from tfaudiogan.training.build import check_networks

    if not path.is_file():
        check_networks(
            dataclasses.replace(config, weights=LossWeights(adversarial=1.0, feature=1.0))
        )
        console.print(f"pretraining the autoencoder for {steps} steps")
        train_autoencoder(config, corpus, path, steps)
    return path


def _train(
    row: Variant,
    corpus: Corpus,
    run: Any,
    autoencoder: Path | None,
    autoencoder_steps: int,
    start: Path | None,
) -> None:
    """Train a row, or continue its training."""
    from tfaudiogan.runs.callbacks import Diverged, Interrupted
    from tfaudiogan.runs.checkpoint import read_progress
    from tfaudiogan.runs.train import train

    own = bool(row.config.weights.feature) and autoencoder is None
    begun = run.facts.is_file()
    try:
        train(
            row.config,
            corpus,
            run.path,
            steps=row.steps,
            resume=begun,
            autoencoder=autoencoder,
            autoencoder_steps=autoencoder_steps if own else None,
            warm_start=None if begun else start,
        )
    except Interrupted as stop:
        done = read_progress(run.checkpoint)["step"]
        raise Interrupted(
            f"stopped after step {done} of {row.label}; the same command goes on from there"
        ) from stop
    except Diverged as error:
        raise Diverged(f"{row.label}: {error}") from error
