"""The page of a trained model: how good it is, how it sounds, how it came about, how to use it."""

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
"""Audio on one page, all players together: some 8 MB at 44.1 kHz."""

READING = (
    "SNR compares waveforms, so a shift of phase that nobody hears costs as much as noise; 0 dB "
    "is what silence scores. LSD compares spectra and ignores phase; silence has none. The best "
    "constant gain is the input times the number that fits each target best: a model is worth "
    "its weights only where it scores above that."
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
    """Write ``index.html``, one self-contained page, and ``scores.json`` beside it.

    Args:
        folder: made where it is missing.
        title: of the page.
        scores: of the model; those with single values give a figure of their spread.
        history: path of the training's ``history.csv``.
        examples: excerpts to listen to; as many as ``AUDIO_SECONDS`` hold.
        config: of the run.
        facts: what else made the model, by name: steps, minutes, seed, versions, ...
        commands: how to use the model and make it again, by what each one does.

    Returns:
        The page's path.

    Raises:
        InputError: when the history cannot be read.
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
    """Players, spectrograms and waveforms of excerpts, as many as ``AUDIO_SECONDS`` hold."""
    section.text(
        "All versions of an excerpt are at the same level. Start one while another plays, and it "
        "takes over at the same place."
    )
    seconds = 0.0
    for shown, example in enumerate(examples):
        lengths = [len(audio) for audio in example.signals.values()]
        seconds += sum(lengths) / example.sample_rate
        if shown and seconds > AUDIO_SECONDS:
            section.text(f"{shown} of {len(examples)} excerpts are shown, to keep the page small.")
            break
        title = f"{example.track}, from {_clock(example.start_seconds)}"
        players = {_sentence(name): audio for name, audio in example.signals.items()}
        section.audio(title, players, example.sample_rate)
        names = ", ".join(example.signals)
        section.figure(
            figures.spectrograms(example.signals, example.sample_rate),
            alt=f"Spectrograms of {names}, one below the other: {title}",
            tall=True,
        )
        section.figure(
            figures.waveforms(example.signals, example.sample_rate),
            alt=f"Waveforms of {names} over one another, at the target's loudest place: {title}",
        )
        section.figure(
            figures.average_spectra(example.signals, example.sample_rate),
            alt=f"Average spectra of {names} over one another: {title}",
        )


def add_training(
    section: Section, history: Mapping[str, np.ndarray], table: Table | None = None
) -> None:
    """Curves of a training's history, the SNR with the baselines of ``table``."""
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
            alt="SNR over the epochs; the baselines are horizontal lines",
        )
        skip.append(metric)
    for name, image in figures.loss_curves(history, leave_out=skip).items():
        section.figure(image, alt=f"{_sentence(name.replace('_', ' '))} over the epochs")


def versions() -> dict[str, str]:
    """Versions of what the figures depend on, by name; what is not installed is left out."""
    found = {"tfaudiogan": __version__, "Python": platform.python_version()}
    names = {"Keras": "keras", "TensorFlow": "tensorflow", "JAX": "jax", "NumPy": "numpy"}
    for label, distribution in names.items():
        try:
            found[label] = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return found


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
                + ", ".join(f"{label} {model_}" for label, model_ in _means(samples)),
            )


def _number(table: Table, model: Row, name: str) -> Number:
    metric, value = table.metrics[name], model.values[name]
    text = f"{signed(value.mean)} {metric.unit}".strip() if value.counted else DASH
    beside = (table.row(baseline) for baseline in ("best_gain", "identity"))
    note = "\n".join(
        f"{row.label.lower()} {signed(row.values[name].mean)}"
        for row in beside
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
    given = dict(facts or {})
    made_with = {"versions": given.pop("versions", versions())}
    section.facts(given | origin | made_with)
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
