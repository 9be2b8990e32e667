"""Writes the results of a search: a table, a page, ``best_config.json`` and a training command."""

import dataclasses
import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from tfaudiogan.config import Config
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.evaluation.report import versions
from tfaudiogan.reporting.page import Number, Page
from tfaudiogan.storage import write_text
from tuning import figures
from tuning.display import setting
from tuning.records import Record, best_record
from tuning.settings import Settings
from tuning.space import BY_NAME, Space, derive

DASH = "–"


def ranked(records: Sequence[Record], settings: Settings) -> list[Record]:
    """Sort trials by score, the best first and failed ones last."""
    sign = -1.0 if settings.direction == "max" else 1.0

    def place(record: Record) -> tuple[bool, float]:
        failed = record.status == "failed"
        return failed, 0.0 if failed else sign * record.best_score(settings)

    return sorted(records, key=place)


def trial_rows(
    records: Sequence[Record], settings: Settings, space: Space
) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of the table of trials."""
    names = [parameter.name for parameter in space.searched if not parameter.is_switch]
    metrics = ["val_snr", "val_lsd"]
    if settings.objective not in metrics:
        metrics.insert(0, settings.objective)
    header = ["trial", *metrics, *names, "steps", "minutes", "end"]
    rows = []
    for record in ranked(records, settings):
        best = record.best_round(settings) if record.status != "failed" else None
        shown = {settings.objective: best["score"], **best} if best else {}
        end = record.status + (f": {record.reason}" if record.reason else "")
        rows.append(
            [
                record.label,
                *(f"{shown[name]:.3f}" if name in shown else DASH for name in metrics),
                *(f"{record.values[n]:.3g}" if n in record.values else DASH for n in names),
                str(record.steps),
                f"{record.seconds / 60:.1f}",
                end,
            ]
        )
    return header, rows


def print_table(records: Sequence[Record], settings: Settings, space: Space) -> None:
    """Print the table of trials, the best first."""
    from rich.console import Console
    from rich.table import Table

    header, rows = trial_rows(records, settings, space)
    table = Table(*header, box=None, header_style="bold")
    for column in table.columns[1:-1]:
        column.justify = "right"
        column.no_wrap = True
    for row in rows:
        table.add_row(*row)
    width = 24 * len(header)
    Console(width=None if Console().is_terminal else width).print(table)


def command_to_train(corpus: Corpus, config: Path) -> str:
    """Return the command that trains with a configuration file."""
    return shlex.join(["python", "train.py", "--data", str(corpus.folder), "--config", str(config)])


def verdict(records: Sequence[Record], settings: Settings) -> str:
    """Summarize the best trial, compared with the paper's values if they were tried."""
    best = best_record(records, settings)
    if best is None:
        return (
            "All trials failed for the reasons below; narrow the ranges of learning rates and "
            "weights."
        )
    score = best.best_score(settings)
    text = (
        f"The best of {len(records)} trials, number {best.label}, reached {settings.objective} "
        f"{score:.3f} with {setting(best.values)}."
    )
    for paper in records:
        if paper.origin != "paper" or paper.number == best.number:
            continue
        if paper.status == "failed":
            text += f" With the paper's values the trial failed: {paper.reason}."
        else:
            other = paper.best_score(settings)
            text += f" The paper's values reached {other:.3f} with the same budget."
    return text


def write_report(
    out: Path,
    records: Sequence[Record],
    *,
    corpus: Corpus,
    base: Config,
    space: Space,
    settings: Settings,
    command: str,
) -> Path:
    """Write ``index.html``, ``trials.json`` and, unless all failed, ``best_config.json``.

    Args:
        out: Folder of the search.
        records: Records of its trials.
        corpus: Corpus that the trials were trained on.
        base: Base configuration.
        space: Search space.
        settings: Settings of the search.
        command: Command that ran the search.

    Returns:
        The path of the page.
    """
    write_text(
        out / "trials.json",
        json.dumps([dataclasses.asdict(record) for record in records], indent=2) + "\n",
    )
    page = Page(f"Search on {corpus.folder.resolve().name}", lead=verdict(records, settings))
    best = best_record(records, settings)
    section = page.section("Trials")
    if best is not None:
        logs = best.best_round(settings) or {}
        derive(base, best.values).save(out / "best_config.json")
        section.numbers(
            [
                Number(f"{logs['val_snr']:.2f} dB", "SNR", "on the validation windows"),
                Number(f"{logs['val_lsd']:.2f}", "LSD", "of the same trial"),
                Number(str(len(records)), "trials", _ends(records)),
            ]
        )
    header, rows = trial_rows(records, settings, space)
    section.table(header, rows, caption="Trials, best first.", strong=[0] if best else [])
    section.figure(
        figures.objective_over_trials(records, settings),
        alt=f"{settings.objective} of each trial, with the best so far",
    )
    if best is not None:
        _add_parameters(page, records, settings, space)
        section = page.section("Train with the best values")
        section.code(
            command_to_train(corpus, out / "best_config.json"), label="Train with the full budget"
        )
        text = (out / "best_config.json").read_text(encoding="utf-8")
        section.code(text, label="best_config.json", folded=True)
    section = page.section("How it was made")
    budget = f"{settings.steps} steps" if settings.steps else f"{settings.minutes:g} minutes"
    section.facts(
        {
            "corpus": corpus.description,
            "corpus_sha256": corpus.checksum,
            "tuner": settings.tuner,
            "budget of a trial": budget,
            "windows": f"{base.window} samples, {base.training.batch} per update",
            "minutes": f"{sum(record.seconds for record in records) / 60:.1f} for all trials",
            "seed": f"{settings.seed} for the points, {base.training.seed} for each trial",
            "versions": versions(),
        }
    )
    section.code(command, label="Command")
    section.code(json.dumps(space.to_dict(), indent=2), label="Search space", folded=True)
    section.code(base.to_json(), label="Base configuration", folded=True)
    return page.write(out)


def _ends(records: Sequence[Record]) -> str:
    counts = {status: sum(r.status == status for r in records) for status in ("stopped", "failed")}
    return (
        ", ".join(f"{count} {status}" for status, count in counts.items() if count)
        or "all completed"
    )


def _add_parameters(
    page: Page, records: Sequence[Record], settings: Settings, space: Space
) -> None:
    section = page.section("Parameters")
    section.text(
        "A parameter is shown for the trials in which it had an effect. With few trials, patterns "
        "may be due to chance, as all parameters change at once."
    )
    for parameter in space.searched:
        section.figure(
            figures.objective_by_parameter(records, settings, parameter.name),
            alt=f"{settings.objective} against {BY_NAME[parameter.name].meaning}",
        )
    section = page.section("All parameters")
    section.figure(
        figures.parallel_coordinates(records, settings, [p.name for p in space.searched]),
        alt="Each trial as a line through the values of its parameters, brighter for better scores",
        caption="Each trial is a line, brighter for better scores. The paper's values are dashed.",
    )
