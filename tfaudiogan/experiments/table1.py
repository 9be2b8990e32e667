"""Table I: four composite losses, and a recipe newer than the paper, from one common start."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from tfaudiogan.config import Config, LossWeights
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.evaluation.run_report import run_metrics
from tfaudiogan.evaluation.scores import score
from tfaudiogan.experiments.folder import EXPERIMENT, settled_precision
from tfaudiogan.experiments.table1_page import write_table1
from tfaudiogan.experiments.variants import Variant, table1_variants
from tfaudiogan.inference.load import load_model
from tfaudiogan.progress import console
from tfaudiogan.reporting.tables import Scores, join
from tfaudiogan.runs.checks import check_splits
from tfaudiogan.runs.identity import read_json, settle
from tfaudiogan.storage import checksum, write_text

METRICS = ("snr", "lsd", "multi_resolution_distance")
SPLIT = "test"
_BATCH = 16


def run_table1(
    corpus: Corpus,
    out: Path | str,
    *,
    config: Config,
    steps: int,
    autoencoder_steps: int,
    windows: int | None = None,
    seconds: float | None = None,
    recipe: bool = True,
) -> Scores:
    """Train every row, score it on the test split, write the table and its page (section V-B).

    All rows begin with the same weights, and take the same number of generator updates on the
    same corpus. Each keeps the generator of its epoch with the best validation SNR. The page is
    ``out/index.html``; the table ``table1.txt``, ``.md`` and ``.json``; each row's run is a folder
    of ``out/runs``. The same call continues an experiment that was interrupted: rows that are
    finished are neither trained nor scored again.

    Args:
        corpus: the pairs.
        out: the experiment's folder.
        config: what the rows have in common; its loss weights are not used.
        steps: generator updates of each row.
        autoencoder_steps: of the pretraining that the feature loss needs, two updates each.
        windows: at most so many test windows, spread evenly; ``None`` is all.
        seconds: at most that much of each test track; ``None`` is all.
        recipe: whether the preset ``modern`` is a fifth row.

    Raises:
        InputError: when a size is out of range, or the folder holds another experiment.
        Diverged: when a row's loss is not a number.
        Interrupted: after Ctrl-C, with the state saved.
    """
    out = Path(out)
    for name, value in (("steps", steps), ("autoencoder steps", autoencoder_steps)):
        if value < 1:
            raise InputError(f"{name} is {value}; expected 1 or more")
    config = settled_precision(config, out)
    variants = table1_variants(config, recipe)
    check_splits(corpus, config.window, (SPLIT,))
    settle(
        out / EXPERIMENT,
        {
            "experiment": "table1",
            "corpus": corpus.checksum,
            "steps": steps,
            "autoencoder_steps": autoencoder_steps,
            "config": {n: v for n, v in dataclasses.asdict(config).items() if n != "weights"},
        },
        "give the same, or another --out",
    )
    config.save(out / "config.json")
    autoencoder = _autoencoder(config, corpus, out / "autoencoder.keras", autoencoder_steps)
    runs, scores = {}, {}
    for number, row in enumerate(variants, start=1):
        console.print(f"row {number} of {len(variants)}: {row.label}")
        runs[row.name] = _train(row, corpus, out / "runs" / row.name, steps, autoencoder)
        scores[row.label] = _score(runs[row.name], corpus, windows, seconds)
    joined = join(scores)
    write_table1(
        out,
        corpus,
        joined,
        variants,
        runs,
        facts={
            "steps": steps,
            "windows_of_a_step": config.training.batch,
            "autoencoder_steps": autoencoder_steps,
            "seed": config.training.seed,
        },
        command=f"tfaudiogan experiment table1 --data {corpus.folder} --out {out} "
        f"--config {out / 'config.json'} --steps {steps} --autoencoder-steps {autoencoder_steps}",
    )
    return joined


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


def _train(row: Variant, corpus: Corpus, folder: Path, steps: int, autoencoder: Path) -> Any:
    """The run of a row, as far as it is missing."""
    from tfaudiogan.runs.callbacks import Diverged, Interrupted
    from tfaudiogan.runs.checkpoint import read_progress
    from tfaudiogan.runs.folder import RunFolder
    from tfaudiogan.runs.train import train

    run = RunFolder(folder)
    if run.checkpoint.is_file() and read_progress(run.checkpoint)["step"] >= steps:
        return run
    try:
        return train(
            row.config,
            corpus,
            folder,
            steps=steps,
            resume=run.facts.is_file(),
            autoencoder=autoencoder if row.config.weights.feature else None,
        )
    except Interrupted as stop:
        done = read_progress(run.checkpoint)["step"]
        raise Interrupted(
            f"stopped after step {done} of {row.label}; the same command goes on from there"
        ) from stop
    except Diverged as error:
        raise Diverged(f"{row.label}: {error}") from error


def _score(run: Any, corpus: Corpus, windows: int | None, seconds: float | None) -> Scores:
    """Scores of a run's best generator, kept beside it for as long as it stays the same."""
    made_of = {"generator": checksum(run.generator), "windows": windows, "seconds": seconds}
    path = run.path / "scores.json"
    if path.is_file():
        kept = read_json(path)
        if kept.get("of") == made_of:
            return Scores.from_json(json.dumps(kept.get("scores")), str(path))
    model = load_model(run.generator)
    window = model.metadata.window
    known = run_metrics(corpus.sample_rate, window)
    scores = score(
        model,
        corpus,
        SPLIT,
        window,
        limit=windows,
        seconds=seconds,
        batch=_BATCH,
        metrics={name: known[name] for name in METRICS if name in known},
        progress=True,
    )
    content = {"of": made_of, "scores": json.loads(scores.to_json())}
    write_text(path, json.dumps(content, indent=2) + "\n")
    return scores
