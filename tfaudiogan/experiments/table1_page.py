"""Table I as text, Markdown, JSON and one page to read and listen to."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfaudiogan.config import Config, LossWeights
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.evaluation.examples import make_examples
from tfaudiogan.evaluation.in_context import InContext
from tfaudiogan.evaluation.report import READING, add_examples, versions
from tfaudiogan.experiments.table1_scores import IN_CONTEXT
from tfaudiogan.experiments.trends import PER_UPDATES, Trend, describe_trends
from tfaudiogan.experiments.variants import (
    PAPER_ROWS,
    PUBLISHED_IDENTITY,
    RELATIVE,
    Variant,
    differences,
)
from tfaudiogan.inference.load import load_model
from tfaudiogan.inference.metadata import read_metadata
from tfaudiogan.reporting import figures
from tfaudiogan.reporting.drawing import (
    COLORS,
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
MADE = "How each row was trained; the autoencoder's pretraining is not in the minutes."
IN_THE_PAPER = "in the paper"
_FEW_EPOCHS = 30
TERMS = tuple(field.name for field in dataclasses.fields(LossWeights))


def write_table1(
    out: Path,
    corpus: Corpus,
    scores: Scores,
    variants: Sequence[Variant],
    runs: Mapping[str, Any],
    *,
    config: Config,
    missing: Mapping[str, str],
    facts: Mapping[str, Any],
    command: str,
) -> Path:
    """Write ``table1.txt``, ``table1.md``, ``table1.json`` and ``index.html``.

    Args:
        scores: all rows that are finished, named by their labels.
        variants: these rows.
        runs: the ``RunFolder`` of each row, by the row's name.
        config: what the rows have in common.
        missing: why a row is not in the table, by its label.
        facts: what the rows have in common besides.
        command: makes the experiment again.

    Returns:
        The page's path.
    """
    histories = {row.label: read_history(runs[row.name].history) for row in variants}
    made = {row.label: _made(row, runs[row.name], histories[row.label]) for row in variants}
    trends = {label: Trend.of(history, "val_snr") for label, history in histories.items()}
    header, rows = beside_published(scores.windows, variants)
    training = training_table(variants, made, scores.sample_rate)
    notes = [*_notes(variants, config), *_missing(missing)]
    caption = f"{scores.windows.caption} Test split of {scores.corpus}."
    below = "\n".join([caption, *notes])
    measured, compared = apart(header, rows)
    tables = [
        terminal_table(*measured, below),
        terminal_table(*compared, "Beside the paper's figures, of another corpus."),
        terminal_table(*training, MADE),
    ]
    write_text(out / "table1.txt", "\n".join(tables))
    write_text(
        out / "table1.md",
        f"{markdown_table(header, rows, below)}\n{markdown_table(*training, MADE)}",
    )
    content = {
        "scores": json.loads(scores.to_json()),
        "published": {row.label: row.published for row in variants}
        | {"identity": PUBLISHED_IDENTITY},
        "rows": [
            {
                "name": row.name,
                "label": row.label,
                "weights": row.config.weights.active(),
                "window": row.config.window,
                "n_critic": row.n_critic,
                "start": row.start,
                **made[row.label],
                "validation_snr_slope_per_1000_updates": _slope(trends[row.label]),
                "differences": {name: ours for name, ours, _ in differences(row, config)},
            }
            for row in variants
        ],
        "missing": dict(missing),
        **facts,
    }
    write_text(out / "table1.json", json.dumps(content, indent=2) + "\n")

    page = Page("Table I: what each loss does", lead=_lead(scores.windows))
    section = page.section("Result")
    _add_result(section, scores, variants, header, rows, caption, notes)
    section.table(*training, caption=MADE)
    _add_training(page.section("Training"), scores.windows, variants, histories, trends)
    models = {}
    for row in variants:
        model = load_model(runs[row.name].generator)
        models[row.label] = InContext(model, model.metadata.window, model.metadata.hop)
    listen = page.section("Listen")
    examples = make_examples(models, corpus, scores.split, EXAMPLES, EXAMPLE_SECONDS)
    add_examples(listen, examples)
    how = page.section("How it was made")
    how.facts(
        {
            **facts,
            "corpus": corpus.description,
            "corpus_sha256": corpus.checksum[:16],
            "window": _window(scores.window, scores.sample_rate),
            "generator_kept": "of the epoch with the best validation SNR",
            "versions": versions(),
        }
    )
    how.code(command, label="Make it again")
    for row in variants:
        how.code(row.config.to_json(), label=f"Configuration of {row.label}", folded=True)
    return page.write(out)


def beside_published(
    table: Table, variants: Sequence[Variant]
) -> tuple[list[str], list[list[str]]]:
    """Return the header and rows of the table: each metric, then the paper's figures.

    A heading's second line, after a line break, is its direction.
    """
    published = _published(variants)
    metrics = [name for name in ("snr", "lsd") if name in table.metrics]
    header = ["Loss"]
    for name, metric in table.metrics.items():
        header.append(f"{metric.heading}\n{metric.direction}")
        header += ["SNR gain (dB)\nover the input"] if name == "snr" else []
    header += [f"{table.metrics[name].heading}\n{IN_THE_PAPER}" for name in metrics]
    rows = []
    for row in table.rows:
        cells = [row.label]
        for name in table.metrics:
            cells.append(str(row.values[name]))
            if name == "snr":
                gain = table.gain_over("identity", model=row.name)
                shown = row.name != "identity" and np.isfinite(gain)
                cells.append(signed(gain) if shown else DASH)
        for name in metrics:
            figure = published.get(row.name, {}).get(name)
            cells.append(str(Statistic(*figure, counted=1)) if figure else DASH)
        rows.append(cells)
    return header, rows


def apart(
    header: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[tuple[list[str], list[list[str]]], tuple[list[str], list[list[str]]]]:
    """Split ``beside_published`` into what was measured and what the paper also has."""
    theirs = [n for n, heading in enumerate(header) if heading.endswith(IN_THE_PAPER)]
    named = [heading.partition("\n")[0] for heading in header]
    beside = [0]
    for number in theirs:
        beside += [named.index(named[number]), number]
    ours = [n for n in range(len(header)) if n not in theirs]

    def columns(chosen: list[int]) -> tuple[list[str], list[list[str]]]:
        return [header[n] for n in chosen], [[cells[n] for n in chosen] for cells in rows]

    return columns(ours), columns(beside)


def training_table(
    variants: Sequence[Variant], made: Mapping[str, Mapping[str, Any]], sample_rate: int
) -> tuple[list[str], list[list[str]]]:
    """Return the header and rows of the table on how each row was trained.

    Args:
        made: what ``_made`` gives, by label.
        sample_rate: in hertz.
    """
    header = ["Loss", "Critic updates\nfor each of the generator", "Window", "Generator updates"]
    header += ["Kept at update", "Precision", "Minutes\nof training"]
    rows = []
    for row in variants:
        own = made[row.label]
        cells = [row.label, str(row.n_critic or DASH), _window(row.config.window, sample_rate)]
        cells += [f"{own['updates']:,}", f"{own['kept_at_update']:,}", own["precision"]]
        rows.append([*cells, f"{own['minutes']:.1f}"])
    return header, rows


@styled
def learning_curves(
    histories: Mapping[str, Mapping[str, np.ndarray]],
    lines: Mapping[str, float] | None = None,
    *,
    image: str = "svg",
) -> bytes:
    """Draw validation SNR and validation LSD of several runs against updates, with one legend.

    Args:
        histories: what ``read_history`` gives, by label.
        lines: levels of the SNR to draw dashed, by label.
    """
    logs = ["val_snr", *(["val_lsd"] if any("val_lsd" in h for h in histories.values()) else [])]
    figure = new_figure(0.4 + 2.3 * len(logs))
    axes = figure.subplots(len(logs), 1, sharex=True, squeeze=False)[:, 0]
    for axis, log in zip(axes, logs, strict=True):
        for number, (label, history) in enumerate(histories.items()):
            if log in history:
                axis.plot(history["step"], history[log], label=label, **_look(number, history))
        axis.set_ylabel(METRICS[log.removeprefix("val_")].heading)
    for label, level in (lines or {}).items():
        axes[0].axhline(level, color=INK, linewidth=1, linestyle=(0, (4, 3)), alpha=0.7)
        axes[0].annotate(label, (0.01, level), xycoords=("axes fraction", "data"), va="bottom")
    axes[-1].set_xlabel("generator updates")
    entitle(axes[0], "Validation")
    return encoded(figure, image)


@styled
def curves_of_runs(
    histories: Mapping[str, Mapping[str, np.ndarray]],
    name: str,
    title: str,
    lines: Mapping[str, float] | None = None,
    *,
    image: str = "svg",
) -> bytes:
    """Draw one log of several runs against their generator updates.

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
        axis.plot(history["step"], history[name], label=label, **_look(number, history))
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


def _look(number: int, history: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the line style of a run; styles after the last color are dashed."""
    dashed = number >= len(COLORS)
    return {
        "color": COLORS[number % len(COLORS)],
        "linestyle": (0, (5, 2)) if dashed else "-",
        "marker": "o" if len(history["step"]) < _FEW_EPOCHS else None,
        "markersize": 3,
    }


def _made(row: Variant, run: Any, history: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return how a row was trained, from its run folder."""
    return {
        "minutes": float(np.nansum(history["seconds"])) / 60,
        "updates": row.steps,
        "kept_at_update": read_metadata(run.generator).steps,
        "precision": row.config.training.precision,
    }


def _slope(trend: Trend | None) -> dict[str, float] | None:
    if trend is None:
        return None
    return {"slope": trend.slope, "standard_error": trend.error, "epochs": trend.epochs}


def _window(samples: int, sample_rate: int) -> str:
    return f"{samples:,} samples, {1000 * samples / sample_rate:.0f} ms"


def _notes(variants: Sequence[Variant], config: Config) -> list[str]:
    """Return a sentence for each way in which a row differs from the others."""
    notes, labels = [], {row.name: row.label for row in variants}
    for row in variants:
        changed = [
            f"{name} {_plain(ours)} in place of {_plain(common)}"
            for name, ours, common in differences(row, config)
        ]
        if row.name not in (*PAPER_ROWS, RELATIVE):
            weights = row.config.weights.active().items()
            terms = " + ".join(f"{weight:g} {term}" for term, weight in weights)
            changed.insert(0, f"loss {terms}")
        if changed:
            notes.append(f"{row.label}: {', '.join(changed)}.")
        if row.start is not None:
            notes.append(
                f"{row.label} starts with the weights of {labels.get(row.start, row.start)}, and "
                "its updates and minutes come on top."
            )
        if row.config.window != config.window:
            notes.append(
                f"{row.label} has windows of {row.config.window:,} samples: it is scored over the "
                f"same windows of {config.window:,} as the others, cut from what overlap-add with "
                "its own makes of the track around them, so that it hears more. The table of "
                "windows in context compares it fairly."
            )
    return notes


def _plain(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _missing(missing: Mapping[str, str]) -> list[str]:
    rows = "; ".join(f"{label} ({reason})" for label, reason in missing.items())
    return [f"Missing: {rows}."] if rows else []


def _published(variants: Sequence[Variant]) -> dict[str, Mapping[str, tuple[float, float]]]:
    """Return the paper's figures by the row's name in the joined table."""
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
            label = metric.label if metric.label.isupper() else metric.label.lower()
            parts.append(f"{label}: {best.label}, {value}")
    gain = table.row("best_gain").values["snr"].mean
    return f"Best by {'; by '.join(parts)}. The best constant gain has {signed(gain)} dB SNR."


def _add_result(
    section: Section,
    scores: Scores,
    variants: Sequence[Variant],
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    caption: str,
    notes: Sequence[str],
) -> None:
    table = scores.windows
    strong = [n for n, row in enumerate(table.rows) if row.kind == "model"]
    section.table(header, rows, caption=caption, strong=strong, notes=[*table.notes, *notes])
    section.text(
        "The rows of equal networks begin with the same weights. The paper's figures are of "
        "another corpus and of training until convergence."
    )
    section.text(
        "As in the paper, a row is given each window alone and nothing is overlapped, which is the "
        "only way in which the figures can stand beside the paper's. A window's edges are harder "
        "than its middle, and overlap-add fades them out, so the windows in context below, which "
        "are the same windows cut from tracks that were put together by overlap-add, are what a "
        "listener gets. There, every row goes the same way, whatever its own window is."
    )
    section.text(READING)
    context = scores.tables[IN_CONTEXT]
    measured, _ = apart(*beside_published(context, ()))
    section.table(
        *measured,
        caption=f"{context.caption} Every row by overlap-add with its own window.",
        strong=strong,
        notes=context.notes,
    )
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
    trends: Mapping[str, Trend | None],
) -> None:
    gain = table.row("best_gain").values["snr"].mean
    lines = {} if gain is None else {"best gain (test)": gain}
    section.figure(
        learning_curves(histories, lines),
        alt="Validation SNR and LSD of every row over the generator updates",
        caption=_validated(variants),
        tall=True,
    )
    section.text(_prospect(variants, trends))
    logs = {term: f"{term.replace('_', ' ')}: raw loss term" for term in TERMS}
    logs |= {
        "discriminator_distance": "Wasserstein estimate of the critic",
        "penalty": "gradient penalty",
    }
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


def _validated(variants: Sequence[Variant]) -> str:
    if len({row.config.window for row in variants}) > 1:
        return "Each row is validated over windows of its own length, each alone."
    return ""


def _prospect(variants: Sequence[Variant], trends: Mapping[str, Trend | None]) -> str:
    """Return sentences on where more updates would take each row, from the end of its curve."""
    text = (
        "Where would more updates take each row? What follows is the slope of the validation SNR "
        f"over the last third of a row's updates, in dB per {PER_UPDATES:,} updates, and its "
        f"standard error. {describe_trends(trends)}"
    )
    ended = [row.label for row in variants if row.config.optimizer.schedule == "cosine"]
    if ended:
        text += (
            f" The learning rate of {', '.join(ended)} goes to zero at the end, which flattens "
            "its curve: a longer schedule may still gain."
        )
    return text


def _share(values: np.ndarray | None) -> str:
    if values is None or not np.isfinite(values[-1]):
        return DASH
    return f"{100 * values[-1]:.1f} %"
