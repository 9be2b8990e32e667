"""Table I as text, Markdown, JSON and one page to read and listen to."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfaudiogan.config import LossWeights
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.evaluation.examples import make_examples
from tfaudiogan.evaluation.report import READING, add_examples, versions
from tfaudiogan.experiments.variants import PUBLISHED_IDENTITY, Variant
from tfaudiogan.inference.load import load_model
from tfaudiogan.reporting import figures
from tfaudiogan.reporting.drawing import (
    COLOURS,
    INK,
    encoded,
    entitle,
    new_figure,
    plain_logarithmic,
    styled,
)
from tfaudiogan.reporting.history import read_history
from tfaudiogan.reporting.page import Page, Section
from tfaudiogan.reporting.tables import DASH, METRICS, Scores, Statistic, Table, signed
from tfaudiogan.reporting.text import markdown_table, terminal_table
from tfaudiogan.storage import write_text

EXAMPLES = 3
EXAMPLE_SECONDS = 4.0
TERMS = tuple(field.name for field in dataclasses.fields(LossWeights))


def write_table1(
    out: Path,
    corpus: Corpus,
    scores: Scores,
    variants: Sequence[Variant],
    runs: Mapping[str, Any],
    facts: Mapping[str, Any],
    command: str,
) -> Path:
    """Write ``table1.txt``, ``table1.md``, ``table1.json`` and ``index.html``.

    Args:
        scores: all rows, named by their labels.
        runs: the ``RunFolder`` of each row, by the recipe's name.
        facts: what the rows have in common.
        command: makes the experiment again.

    Returns:
        The page's path.
    """
    histories = {row.label: read_history(runs[row.name].history) for row in variants}
    minutes = {label: float(np.nansum(h["seconds"])) / 60 for label, h in histories.items()}
    header, rows = beside_published(scores.windows, variants, minutes)
    caption = f"{scores.windows.caption} Test split of {scores.corpus}."
    write_text(out / "table1.txt", terminal_table(header, rows, caption))
    write_text(out / "table1.md", markdown_table(header, rows, caption))
    content = {
        "scores": json.loads(scores.to_json()),
        "published": {row.label: row.published for row in variants}
        | {"identity": PUBLISHED_IDENTITY},
        "rows": [
            {
                "name": row.name,
                "label": row.label,
                "weights": row.config.weights.active(),
                "minutes": minutes[row.label],
            }
            for row in variants
        ],
        **facts,
    }
    write_text(out / "table1.json", json.dumps(content, indent=2) + "\n")

    page = Page("Table I: what each loss does", lead=_lead(scores.windows))
    _add_result(page.section("Result"), scores, variants, header, rows, caption)
    _add_training(page.section("Training"), scores.windows, variants, histories)
    models = {row.label: load_model(runs[row.name].generator) for row in variants}
    listen = page.section("Listen")
    examples = make_examples(
        models, corpus, scores.split, EXAMPLES, EXAMPLE_SECONDS, window=scores.window
    )
    add_examples(listen, examples)
    made = page.section("How it was made")
    window = f"{scores.window:,} samples, {1000 * scores.window / scores.sample_rate:.0f} ms"
    made.facts(
        {
            **facts,
            "corpus": corpus.description,
            "corpus_sha256": corpus.checksum[:16],
            "window": window,
            "generator_kept": "of the epoch with the best validation SNR",
            "versions": versions(),
        }
    )
    made.code(command, label="Make it again")
    for row in variants:
        made.code(row.config.to_json(), label=f"Configuration of {row.label}", folded=True)
    return page.write(out)


def beside_published(
    table: Table, variants: Sequence[Variant], minutes: Mapping[str, float] | None = None
) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table: each metric measured here, then the paper's figures.

    A heading's second line, after a line break, is its direction.
    """
    published = _published(variants)
    metrics = [name for name in ("snr", "lsd") if name in table.metrics]
    header = ["Loss", *(f"{m.heading}\n{m.direction}" for m in table.metrics.values())]
    header += [f"{table.metrics[name].heading}\nin the paper" for name in metrics]
    header += ["Minutes\nof training"] if minutes else []
    rows = []
    for row in table.rows:
        cells = [row.label, *(str(row.values[name]) for name in table.metrics)]
        for name in metrics:
            figure = published.get(row.name, {}).get(name)
            cells.append(str(Statistic(*figure, counted=1)) if figure else DASH)
        if minutes:
            cells.append(f"{minutes[row.name]:.1f}" if row.name in minutes else DASH)
        rows.append(cells)
    return header, rows


@styled
def curves_of_runs(
    histories: Mapping[str, Mapping[str, np.ndarray]],
    name: str,
    title: str,
    lines: Mapping[str, float] | None = None,
    *,
    image: str = "svg",
) -> bytes:
    """One log of several runs over their generator updates.

    Args:
        histories: what ``read_history`` gives, by label; those without the log are left out.
        name: of the log.
        lines: levels to draw dashed, by label.
    """
    figure = new_figure(2.6)
    axis = figure.subplots()
    drawn = []
    for number, (label, history) in enumerate(histories.items()):
        if name not in history or not np.isfinite(history[name]).any():
            continue
        drawn.append(history[name][np.isfinite(history[name])])
        look: dict[str, Any] = {
            "color": COLOURS[number % len(COLOURS)],
            "marker": "o",
            "markersize": 3,
        }
        axis.plot(history["step"], history[name], label=label, **look)
    for label, level in (lines or {}).items():
        axis.axhline(level, color=INK, linewidth=1, linestyle=(0, (4, 3)), alpha=0.7)
        axis.annotate(label, (0.01, level), xycoords=("axes fraction", "data"), va="bottom")
    values = np.concatenate(drawn)
    if values.min() > 0 and values.max() > 10 * values.min():
        axis.set_yscale("log")
        plain_logarithmic(axis.yaxis)
    axis.set_xlabel("generator updates")
    entitle(axis, title)
    return encoded(figure, image)


def _published(variants: Sequence[Variant]) -> dict[str, Mapping[str, tuple[float, float]]]:
    """The paper's figures by the name of the row in the joined table."""
    return {row.label: row.published for row in variants} | {"identity": PUBLISHED_IDENTITY}


def _lead(table: Table) -> str:
    parts = []
    for name, metric in table.metrics.items():
        rows = [row for row in table.models if row.values[name].mean is not None]
        if rows:
            choose = max if metric.higher_is_better else min
            means = [row.values[name].mean or 0.0 for row in rows]
            best = rows[means.index(choose(means))]
            value = f"{signed(best.values[name].mean)} {metric.unit}"
            parts.append(f"{metric.label}: {best.label}, {value}")
    gain = table.row("best_gain").values["snr"].mean
    return f"Best by {'; by '.join(parts)}. The best constant gain has {signed(gain)} dB SNR."


def _add_result(
    section: Section,
    scores: Scores,
    variants: Sequence[Variant],
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    caption: str,
) -> None:
    table = scores.windows
    strong = [n for n, row in enumerate(table.rows) if row.kind == "model"]
    section.table(header, rows, caption=caption, strong=strong, notes=table.notes)
    section.text(
        "All rows begin with the same weights and take the same number of generator updates. "
        "The paper's figures are of another corpus and of far longer training."
    )
    section.text(READING)
    published = _published(variants)
    for name, metric in table.metrics.items():
        known = {row: figure[name] for row, figure in published.items() if name in figure}
        section.figure(
            figures.comparison(table, name, published=known),
            alt=f"{metric.label} of each row, mean and standard deviation, beside the paper's",
        )
    section.scores(scores.tables["tracks"], system="Loss, over whole tracks")


def _add_training(
    section: Section,
    table: Table,
    variants: Sequence[Variant],
    histories: Mapping[str, Mapping[str, np.ndarray]],
) -> None:
    gain = table.row("best_gain").values["snr"].mean
    lines = {} if gain is None else {"best gain (test)": gain}
    section.figure(
        curves_of_runs(histories, "val_snr", "SNR in validation (dB)", lines),
        alt="Validation SNR of every row over the generator updates",
    )
    logs = {"val_lsd": f"{METRICS['lsd'].heading} in validation"}
    logs |= {term: f"{term.replace('_', ' ')}: raw loss term" for term in TERMS}
    logs |= {"critic_distance": "Wasserstein estimate of the critic", "penalty": "gradient penalty"}
    for log, title in logs.items():
        if any(log in h and np.isfinite(h[log]).any() for h in histories.values()):
            section.figure(
                curves_of_runs(histories, log, title),
                alt=f"{title} of every row that has it, over the generator updates",
            )
    used = [t for t in TERMS if any(f"{t}_share" in history for history in histories.values())]
    section.table(
        ["Loss", *(term.replace("_", " ") for term in used)],
        [
            [row.label, *(_share(histories[row.label].get(f"{term}_share")) for term in used)]
            for row in variants
        ],
        caption="Share of each term in the weighted loss, in the last epoch.",
    )


def _share(values: np.ndarray | None) -> str:
    if values is None or not np.isfinite(values[-1]):
        return DASH
    return f"{100 * values[-1]:.1f} %"
