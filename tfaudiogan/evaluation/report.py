"""The report of a trained model: its scores, excerpts, training, usage and origin."""

import dataclasses
import json
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from tfaudiogan._version import __version__
from tfaudiogan.evaluation.examples import Example
from tfaudiogan.reporting import figures
from tfaudiogan.reporting.history import read_history
from tfaudiogan.reporting.page import Number, Page, Section
from tfaudiogan.reporting.tables import DASH, Row, Scores, Table, signed, verdict
from tfaudiogan.storage import write_text

__all__ = ["Number", "Page", "Section", "add_examples", "add_training", "versions", "write_report"]

AUDIO_SECONDS = 120.0
"""Largest amount of audio on a page, over all players: about 8 MB at 44.1 kHz."""

READING = (
    "SNR compares waveforms, so an inaudible phase shift can cost as much as noise. Silence has an "
    "SNR of 0 dB. LSD compares spectra and ignores phase; it is undefined for silence. The best "
    "constant gain is the input multiplied by the factor that fits each target best: a model is "
    "useful only if it scores better than that."
)


def write_report(
    folder: Path | str,
    *,
    title: str,
    scores: Scores,
    history: Path | str | None = None,
    examples: Sequence[Example] = (),
    config: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    commands: Mapping[str, str] | None = None,
) -> Path:
    """Write the report as a self-contained page, ``index.html``, with ``scores.json`` beside it.

    Args:
        folder: Folder of the report, which is created if needed.
        title: Title of the page.
        scores: Scores of the model. If they hold single values, the page shows their distribution.
        history: Path of the run's ``history.csv``.
        examples: Excerpts to listen to. ``AUDIO_SECONDS`` limits how many are shown.
        config: Configuration of the run.
        facts: Further facts about the run by name, such as steps, minutes, seed and versions.
        commands: Commands that use the model or reproduce it, by a label for each.

    Returns:
        The path of the page.

    Raises:
        InputError: If the history cannot be read.
    """
    page = Page(title, lead=verdict(scores.windows) if "snr" in scores.windows.metrics else "")
    columns = read_history(history) if history is not None else None
    _add_results(page.section("Result"), scores)
    if examples:
        add_examples(page.section("Listen"), examples)
    if columns is not None:
        add_training(page.section("Training"), columns, scores.windows)
    if commands:
        section = page.section("Use it")
        for label, command in commands.items():
            section.code(command, label=label)
    _add_making(page.section("How it was made"), scores, config, facts)
    folder = Path(folder)
    write_text(folder / "scores.json", scores.to_json())
    return page.write(folder)


def add_examples(section: Section, examples: Sequence[Example]) -> None:
    """Add players, spectrograms and waveforms of excerpts, up to ``AUDIO_SECONDS`` of audio."""
    section.text(
        "All versions of an excerpt have the same level. If you start one while another plays, it "
        "continues at the same position."
    )
    seconds = 0.0
    for shown, example in enumerate(examples):
        lengths = [len(audio) for audio in example.signals.values()]
        seconds += sum(lengths) / example.sample_rate
        if shown and seconds > AUDIO_SECONDS:
            section.text(f"{shown} of {len(examples)} excerpts are shown to keep the page small.")
            break
        title = f"{example.track}, from {_clock(example.start_seconds)}"
        players = {_sentence(name): audio for name, audio in example.signals.items()}
        section.audio(title, players, example.sample_rate)
        names = ", ".join(example.signals)
        section.figure(
            figures.spectrograms(example.signals, example.sample_rate),
            alt=f"Stacked spectrograms of {names}: {title}",
            tall=True,
        )
        section.figure(
            figures.waveforms(example.signals, example.sample_rate),
            alt=f"Overlaid waveforms of {names} where the target is loudest: {title}",
        )
        section.figure(
            figures.average_spectra(example.signals, example.sample_rate),
            alt=f"Overlaid average spectra of {names}: {title}",
        )


def add_training(
    section: Section, history: Mapping[str, np.ndarray], table: Table | None = None
) -> None:
    """Add the curves of a training history. The SNR is shown with the baselines of ``table``."""
    skip = ["step", "seconds"]
    metric = "snr"
    if table is not None and metric in table.metrics and f"val_{metric}" in history:
        baselines = {
            row.label: row.values[metric].mean
            for row in table.rows
            if row.kind != "model" and row.values[metric].mean is not None
        }
        section.figure(
            figures.metric_curve(history, metric, table.metrics[metric], baselines),
            alt="SNR over the epochs, with baselines as horizontal lines",
        )
        skip.append(metric)
    for name, image in figures.loss_curves(history, leave_out=skip).items():
        section.figure(image, alt=f"{_sentence(name.replace('_', ' '))} over the epochs")


def versions() -> dict[str, str]:
    """Return the versions of the installed packages that the figures depend on, by name."""
    installed = {"tfaudiogan": __version__, "Python": platform.python_version()}
    names = {"Keras": "keras", "TensorFlow": "tensorflow", "JAX": "jax", "NumPy": "numpy"}
    for label, distribution in names.items():
        try:
            installed[label] = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return installed


def _add_results(section: Section, scores: Scores) -> None:
    windows = scores.windows
    model = windows.models[0]
    section.numbers([_number(windows, model, name) for name in windows.metrics])
    for table in scores.tables.values():
        section.scores(table)
    section.text(READING)
    for name in windows.metrics:
        samples = {
            row.label: row.samples[name]
            for row in (model, windows.row("identity"))
            if name in row.samples and np.isfinite(row.samples[name]).any()
        }
        if len(samples) == 2:
            section.figure(
                figures.distribution(samples, windows.metrics[name]),
                alt=f"Histograms of the {windows.metrics[name].label} of single windows: "
                + ", ".join(f"{label} {mean}" for label, mean in _means(samples)),
            )


def _number(table: Table, model: Row, name: str) -> Number:
    metric, value = table.metrics[name], model.values[name]
    text = f"{signed(value.mean)} {metric.unit}".strip() if value.counted else DASH
    baselines = (table.row(baseline) for baseline in ("best_gain", "identity"))
    note = "\n".join(
        f"{row.label.lower()} {signed(row.values[name].mean)}"
        for row in baselines
        if row.values[name].counted
    )
    return Number(text, metric.label, note)


def _add_making(
    section: Section,
    scores: Scores,
    config: Mapping[str, Any] | None,
    facts: Mapping[str, Any] | None,
) -> None:
    origin = {
        "corpus": scores.corpus,
        "corpus_sha256": scores.corpus_sha256[:16],
        "task": scores.task,
        "split": scores.split,
        "sample_rate": f"{scores.sample_rate:,} Hz",
        "window": f"{scores.window:,} samples, {1000 * scores.window / scores.sample_rate:.0f} ms",
    }
    other_facts = dict(facts or {})
    version_facts = {"versions": other_facts.pop("versions", versions())}
    section.facts(other_facts | origin | version_facts)
    if config is not None:
        values = dataclasses.asdict(config) if dataclasses.is_dataclass(config) else config
        section.code(json.dumps(values, indent=2), label="Configuration", folded=True)


def _means(samples: Mapping[str, np.ndarray]) -> list[tuple[str, str]]:
    return [
        (label, signed(float(values[np.isfinite(values)].mean())))
        for label, values in samples.items()
    ]


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _sentence(name: str) -> str:
    return name[:1].upper() + name[1:]
