"""Figures of a search, each as the bytes of an SVG or PNG file."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tfaudiogan.reporting.drawing import (
    COLORS,
    FAINT,
    INK,
    WIDTH_INCHES,
    encoded,
    entitle,
    new_figure,
    plain_logarithmic,
    styled,
)
from tuning.records import Record
from tuning.settings import Settings
from tuning.space import BY_NAME

_SHOWN = {"completed": COLORS[0], "stopped": COLORS[4]}


def scored(records: Sequence[Record], settings: Settings) -> list[tuple[Record, float]]:
    """Return the trials that did not fail, with their scores."""
    return [(r, r.best_score(settings)) for r in records if r.status != "failed"]


def _points(axis: Any, places: Iterable[float], records: Sequence[tuple[Record, float]]) -> None:
    places = list(places)
    for label, color in _SHOWN.items():
        chosen = [
            (x, score)
            for x, (record, score) in zip(places, records, strict=True)
            if record.status == label and record.origin != "paper"
        ]
        if chosen:
            axis.plot(*zip(*chosen, strict=True), "o", color=color, label=label, zorder=3)
    papers = [
        (x, score)
        for x, (record, score) in zip(places, records, strict=True)
        if record.origin == "paper"
    ]
    if papers:
        axis.plot(
            *zip(*papers, strict=True), "D", color=COLORS[1], label="paper's values", zorder=4
        )


@styled
def objective_over_trials(
    records: Sequence[Record], settings: Settings, *, image: str = "svg"
) -> bytes:
    """Draw the score of each trial and the best so far, with failed trials as crosses below."""
    figure = new_figure(2.6)
    axis = figure.subplots()
    trials = scored(records, settings)
    _points(axis, (record.number + 1 for record, _ in trials), trials)
    if trials:
        best = np.maximum if settings.direction == "max" else np.minimum
        axis.step(
            [record.number + 1 for record, _ in trials],
            best.accumulate([score for _, score in trials]),
            where="post",
            color=COLORS[2],
            label="best so far",
        )
    failed = [record.number + 1 for record in records if record.status == "failed"]
    if failed:
        axis.plot(
            failed,
            np.zeros(len(failed)),
            "x",
            color=INK,
            label="failed",
            transform=axis.get_xaxis_transform(),
            clip_on=False,
        )
    axis.set_xlabel("trial")
    axis.set_ylabel(settings.objective)
    axis.locator_params(axis="x", integer=True)
    entitle(axis, f"{settings.objective} of each trial")
    return encoded(figure, image)


@styled
def objective_by_parameter(
    records: Sequence[Record], settings: Settings, name: str, *, image: str = "svg"
) -> bytes:
    """Draw scores against the value of a parameter, for trials in which it had an effect."""
    parameter = BY_NAME[name]
    figure = new_figure(2.0)
    axis = figure.subplots()
    trials = [(r, score) for r, score in scored(records, settings) if name in r.values]
    _points(axis, (float(record.values[name]) for record, _ in trials), trials)
    if parameter.is_switch:
        axis.set_xticks([0, 1], ["off", "on"])
        axis.set_xlim(-0.5, 1.5)
    elif parameter.is_logarithmic:
        axis.set_xscale("log")
        values = [record.values[name] for record, _ in trials]
        if values and max(values) < 100 * min(values):
            plain_logarithmic(axis.xaxis)
    else:
        axis.locator_params(axis="x", integer=True)
    axis.set_ylabel(settings.objective)
    axis.set_xlabel(name)
    axis.set_title(parameter.meaning)
    return encoded(figure, image)


@styled
def parallel_coordinates(
    records: Sequence[Record], settings: Settings, names: Sequence[str], *, image: str = "svg"
) -> bytes:
    """Draw each trial as a line through the values of its parameters, brighter for better scores.

    Parameters without an effect in a trial are drawn below their axis, at "off".
    """
    from matplotlib import colormaps

    trials = scored(records, settings)
    ranks = np.argsort(np.argsort([score for _, score in trials]))
    if settings.direction == "min":
        ranks = len(trials) - 1 - ranks
    figure = new_figure(3.6)
    figure.set_figwidth(1.3 * WIDTH_INCHES)
    axis = figure.subplots()
    columns = [_unit(name, [record.values.get(name) for record, _ in trials]) for name in names]
    scores = np.array([score for _, score in trials])
    low, spread = scores.min(), np.ptp(scores) or 1.0
    columns.append(((scores - low) / spread, (f"{low:.3g}", f"{scores.max():.3g}")))
    for number in np.argsort(ranks):
        share = ranks[number] / max(len(trials) - 1, 1)
        axis.plot(
            range(len(columns)),
            [places[number] for places, _ in columns],
            color=colormaps["viridis"](0.95 * share),
            linewidth=1.0 + 1.5 * share,
            dashes=(4, 1.5) if trials[number][0].origin == "paper" else (None, None),
        )
    for x, (_, (lowest, highest)) in enumerate(columns):
        axis.axvline(x, color=FAINT, zorder=0)
        axis.annotate(highest, (x, 1.0), (0, 4), textcoords="offset points", ha="center")
        axis.annotate(lowest, (x, 0.0), (4, -11), textcoords="offset points")
    axis.set_xticks(range(len(columns)), [*names, settings.objective], rotation=20, ha="right")
    axis.set_yticks([_OFF], ["off"])
    axis.set_ylim(_OFF - 0.08, 1.14)
    axis.grid(False)
    return encoded(figure, image)


_OFF = -0.15


def _unit(name: str, values: list) -> tuple[np.ndarray, tuple[str, str]]:
    """Scale the values of a parameter to [0, 1]; return them with the labels of both ends."""
    parameter = BY_NAME[name]
    given = np.array([np.nan if value is None else float(value) for value in values])
    if parameter.is_switch:
        return given, ("no", "yes")
    scale = np.log(given) if parameter.is_logarithmic else given
    if np.isnan(scale).all():
        return np.full(len(values), _OFF), ("", "")
    low, spread = np.nanmin(scale), np.nanmax(scale) - np.nanmin(scale)
    places = (scale - low) / (spread or 1.0)
    ends = (f"{np.nanmin(given):.2g}", f"{np.nanmax(given):.2g}" if spread else "")
    return np.where(np.isnan(places), _OFF, places), ends
