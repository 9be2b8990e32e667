"""What a search found: a table, one page, ``best_config.json`` and the command to train with it."""

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
    """Best first, failed ones last."""
    sign = -1.0 if settings.direction == "max" else 1.0

    def place(record: Record) -> tuple[bool, float]:
        failed = record.status == "failed"
        return failed, 0.0 if failed else sign * record.best_score(settings)

    return sorted(records, key=place)


def trial_rows(
    records: Sequence[Record], settings: Settings, space: Space
) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table of trials."""
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
    """The table of trials, best first, on standard output."""
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
    """The command that trains the configuration in full."""
    return shlex.join(["python", "train.py", "--data", str(corpus.folder), "--config", str(config)])


def verdict(records: Sequence[Record], settings: Settings) -> str:
    """The best trial in a sentence, beside the paper's values where they were tried."""
    best = best_record(records, settings)
    if best is None:
        return "Every trial failed; see why below, and narrow the learning rates and weights."
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
        out: folder of the search.
        records: of its trials.
        corpus: that was searched on.
        base: configuration of what was not searched.
        space: that was searched.
        settings: of the search.
        command: that ran it.

    Returns:
        The page's path.
    """
    write_text(
        out / "trials.json",
        json.dumps([dataclasses.asdict(record) for record in records], indent=2) + "\n",
    )
    page = Page(f"Search on {corpus.folder.resolve().name}", lead=verdict(records, settings))
    best = best_record(records, settings)
    section = page.section("Trials")
    if best is not None:
        found = best.best_round(settings) or {}
        derive(base, best.values).save(out / "best_config.json")
        section.numbers(
            [
                Number(f"{found['val_snr']:.2f} dB", "SNR", "on the validation windows"),
                Number(f"{found['val_lsd']:.2f}", "LSD", "of the same trial"),
                Number(str(len(records)), "trials", _ends(records)),
            ]
        )
    header, rows = trial_rows(records, settings, space)
    section.table(header, rows, caption="Trials, best first.", strong=[0] if best else [])
    section.figure(
        figures.objective_over_trials(records, settings),
        alt=f"{settings.objective} of each trial in turn, with the best so far",
    )
    if best is not None:
        _add_parameters(page, records, settings, space)
        section = page.section("Train it")
        section.code(command_to_train(corpus, out / "best_config.json"), label="In full")
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
            "windows": f"{base.window} samples, {base.training.batch} an update",
            "minutes": f"{sum(record.seconds for record in records) / 60:.1f}, all trials together",
            "seed": f"{settings.seed} of the points, {base.training.seed} of each trial",
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
        ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "all whole"
    )


def _add_parameters(
    page: Page, records: Sequence[Record], settings: Settings, space: Space
) -> None:
    section = page.section("Parameters")
    section.text(
        "A parameter is shown for the trials in which it mattered. With few trials, a pattern may "
        "be chance: parameters were changed together."
    )
    for parameter in space.searched:
        section.figure(
            figures.objective_by_parameter(records, settings, parameter.name),
            alt=f"{settings.objective} against {BY_NAME[parameter.name].meaning}",
        )
    section = page.section("All together")
    section.figure(
        figures.parallel_coordinates(records, settings, [p.name for p in space.searched]),
        alt="Each trial as a line through the values of its parameters, brighter where better",
        caption="Each trial as a line, brighter where it scored better; the paper's is dashed.",
    )
