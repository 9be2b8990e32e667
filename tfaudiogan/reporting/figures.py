"""Figures of an evaluation, each as the bytes of an SVG or PNG file.

Figures are about half a page wide, so that two fit side by side on a wide screen and one on a
phone. The colors are those of Okabe and Ito (2008), which people with any color vision can
distinguish; lines also differ in width and dashes. ``page.Page`` replaces ``INK``, ``FAINT`` and
``COLORS`` according to the reader's light or dark theme.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfaudiogan.audio.spectrogram import centered_spectrogram
from tfaudiogan.reporting.drawing import (
    COLORS,
    INK,
    encoded,
    entitle,
    new_figure,
    plain_logarithmic,
    styled,
)
from tfaudiogan.reporting.tables import METRICS, Metric, Table, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FLOOR_DB = -80.0
_LONGEST_LINE = 24
_DOT: dict[str, Any] = {"fmt": "o", "markersize": 6, "linewidth": 1.8, "zorder": 3}


@styled
def spectrograms(
    signals: Mapping[str, np.ndarray],
    sample_rate: int,
    *,
    n_fft: int = 1024,
    image: str = "svg",
) -> bytes:
    """Draw stacked power spectrograms with a common scale in dB.

    0 dB is the loudest point of all spectrograms. Frequencies above the highest sound are cut off.

    Args:
        signals: Signals ``(samples,)`` by name, such as input, target and generated.
        sample_rate: Sample rate in hertz.
        n_fft: Number of samples in a frame. The hop is a quarter of it.
        image: ``"svg"`` or ``"png"``.
    """
    powers = {name: centered_spectrogram(audio, n_fft) for name, audio in signals.items()}
    peak = max(power.max() for power in powers.values()) or 1.0
    levels = {n: 10 * np.log10(np.maximum(p / peak, 1e-12)) for n, p in powers.items()}
    audible = np.any([(db > FLOOR_DB + 15).any(axis=1) for db in levels.values()], axis=0)
    bins = min(max(int(audible.nonzero()[0].max(initial=0) * 1.1) + 2, n_fft // 8), len(audible))
    top = (bins - 1) * sample_rate / n_fft / 1000
    seconds = max(len(audio) for audio in signals.values()) / sample_rate

    figure = new_figure(0.4 + 1.35 * len(levels))
    axes = figure.subplots(len(levels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axis, (name, db) in zip(axes, levels.items(), strict=True):
        picture = axis.imshow(
            db[:bins],
            origin="lower",
            aspect="auto",
            extent=(0, seconds, 0, top),
            cmap="magma",
            vmin=FLOOR_DB,
            vmax=0,
        )
        axis.set_title(name)
        axis.set_ylabel("kHz")
        axis.grid(False)
    axes[-1].set_xlabel("time (s)")
    bar = figure.colorbar(picture, ax=axes, aspect=40, pad=0.02)
    bar.set_label("dB")
    bar.outline.set_visible(False)
    return encoded(figure, image)


@styled
def waveforms(
    signals: Mapping[str, np.ndarray],
    sample_rate: int,
    *,
    milliseconds: float = 30.0,
    start: int | None = None,
    image: str = "svg",
) -> bytes:
    """Draw overlaid waveforms of a short excerpt.

    Args:
        signals: Signals ``(samples,)`` by name. ``"target"`` is a broad line behind the others.
        sample_rate: Sample rate in hertz.
        milliseconds: Length of the excerpt.
        start: First sample of the excerpt. By default the excerpt is the loudest one of the target,
            or of the last signal if there is no target.
        image: ``"svg"`` or ``"png"``.
    """
    count = max(2, round(milliseconds * sample_rate / 1000))
    if start is None:
        start = _loudest(signals.get("target", list(signals.values())[-1]), count)
    figure = new_figure(2.3)
    axis = figure.subplots()
    for name, audio in signals.items():
        part = audio[start : start + count]
        time = (start + np.arange(len(part))) / sample_rate
        axis.plot(time, part, label=name, **_look(name, list(signals)))
    axis.set_xlim(start / sample_rate, (start + count) / sample_rate)
    axis.set_xlabel("time (s)")
    entitle(axis, f"Waveform, {milliseconds:g} ms")
    return encoded(figure, image)


@styled
def average_spectra(
    signals: Mapping[str, np.ndarray], sample_rate: int, *, n_fft: int = 2048, image: str = "svg"
) -> bytes:
    """Draw overlaid mean power spectra, in bands of a sixth of an octave from 50 Hz on.

    0 dB is the highest point of all spectra.

    Args:
        signals: Signals ``(samples,)`` by name.
        sample_rate: Sample rate in hertz.
        n_fft: Number of samples in a frame.
        image: ``"svg"`` or ``"png"``.
    """
    frequencies = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    count = int(6 * np.log2(sample_rate / 2 / 50)) + 1
    edges = 50 * 2 ** (np.arange(count + 1) / 6)
    bands = np.searchsorted(edges, frequencies, side="right") - 1
    spectra = {}
    for name, audio in signals.items():
        power = centered_spectrogram(audio, n_fft).mean(axis=1)
        means = [power[bands == b].mean() if (bands == b).any() else np.nan for b in range(count)]
        spectra[name] = np.array(means)
    peak = np.nanmax(list(spectra.values())) or 1.0
    figure = new_figure(2.3)
    axis = figure.subplots()
    for name, power in spectra.items():
        filled = ~np.isnan(power)
        level = 10 * np.log10(np.maximum(power[filled] / peak, 1e-12))
        centers = edges[:-1][filled] * 2 ** (1 / 12)
        axis.plot(centers / 1000, level, label=name, **_look(name, list(signals)))
    axis.set_xscale("log")
    plain_logarithmic(axis.xaxis)
    axis.set_ylim(FLOOR_DB, 3)
    axis.set_xlabel("frequency (kHz)")
    axis.set_ylabel("dB")
    entitle(axis, "Average spectrum")
    return encoded(figure, image)


@styled
def loss_curves(
    history: Mapping[str, np.ndarray], *, leave_out: Sequence[str] = (), image: str = "svg"
) -> dict[str, bytes]:
    """Draw a figure for each log of a history, with the values of training and validation.

    The shares of the loss terms, ``TERM_share``, are drawn in one figure, ``"share"``. Logs without
    a finite value are skipped. The axis is logarithmic if all values are positive and span more
    than a factor of 10.

    Args:
        history: Columns from ``history.read_history``.
        leave_out: Names of logs to skip.
        image: ``"svg"`` or ``"png"``.

    Returns:
        The figures by the name of the log.
    """
    names = dict.fromkeys(name.removeprefix("val_") for name in history)
    quantities = {
        name: {
            label: history[log]
            for label, log in (("training", name), ("validation", f"val_{name}"))
            if log in history
        }
        for name in names
        if name not in {"epoch", *leave_out} and not name.endswith("_share")
    }
    shares = {n.removesuffix("_share"): v for n, v in history.items() if n.endswith("_share")}
    if len(shares) > 1:
        quantities["share"] = {name.replace("_", " "): v for name, v in shares.items()}
    figures = {}
    for name, curves in quantities.items():
        curves = {k: v for k, v in curves.items() if np.isfinite(v).any()}
        if not curves:
            continue
        figure = new_figure(2.3)
        axis = figure.subplots()
        _plot_curves(axis, _epochs(history), curves)
        values = np.concatenate(list(curves.values()))
        values = values[np.isfinite(values)]
        if name == "share":
            axis.set_ylim(0, 1)
        elif values.min() > 0 and values.max() > 10 * values.min():
            axis.set_yscale("log")
            plain_logarithmic(axis.yaxis)
        entitle(axis, _title(name))
        figures[name] = encoded(figure, image)
    return figures


@styled
def metric_curve(
    history: Mapping[str, np.ndarray],
    name: str,
    metric: Metric,
    baselines: Mapping[str, float],
    *,
    image: str = "svg",
) -> bytes:
    """Draw a metric over the epochs, with baselines as labeled horizontal lines.

    Args:
        history: Columns from ``history.read_history``, of which ``name`` and ``"val_" + name`` are
            drawn.
        name: Name of the metric in the history.
        metric: Label and unit of the metric.
        baselines: Values of the baselines, by label.
        image: ``"svg"`` or ``"png"``.
    """
    logs = {"training": name, "validation": f"val_{name}"}
    curves = {label: history[log] for label, log in logs.items() if log in history}
    figure = new_figure(2.9)
    axis = figure.subplots()
    _plot_curves(axis, _epochs(history), curves)
    for value in baselines.values():
        axis.axhline(value, color=INK, linewidth=1, linestyle=(0, (4, 3)), alpha=0.7, zorder=1)
    low, high = axis.get_ylim()
    for label, place in _apart(baselines, (high - low) / 14).items():
        axis.annotate(
            f"{label} {signed(baselines[label])}",
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            annotation_clip=False,
        )
    axis.set_ylim(low, high)
    axis.set_ylabel(metric.heading)
    entitle(axis, f"{metric.label} over training")
    return encoded(figure, image)


@styled
def distribution(
    samples: Mapping[str, np.ndarray], metric: Metric, over: str = "windows", *, image: str = "svg"
) -> bytes:
    """Draw histograms of a metric for several systems, with dashed lines at the means.

    The axis shows the middle 99 % of all values. Values outside are counted in the outermost bars.

    Args:
        samples: Values by label, such as model and input.
        metric: Label and unit of the metric.
        over: What the values were computed over, in the plural.
        image: ``"svg"`` or ``"png"``.
    """
    finite = {label: values[np.isfinite(values)] for label, values in samples.items()}
    finite = {label: values for label, values in finite.items() if values.size}
    low, high = np.percentile(np.concatenate(list(finite.values())), (0.5, 99.5))
    if high - low < 1e-6:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, 41)
    figure = new_figure(2.9)
    axis = figure.subplots()
    for number, (label, values) in enumerate(finite.items()):
        color = COLORS[number % len(COLORS)]
        share = np.histogram(np.clip(values, low, high), edges)[0] / values.size * 100
        axis.stairs(share, edges, color=color, fill=True, alpha=0.25, zorder=2)
        axis.stairs(share, edges, color=color, linewidth=1.5, label=label, zorder=3)
        axis.axvline(
            values.mean(), color=color, linewidth=1.3, linestyle=(0, (3, 2 + number)), zorder=4
        )
    axis.set_xlim(low, high)
    axis.set_ylim(0)
    axis.locator_params(axis="x", nbins=7)
    axis.set_xlabel(metric.heading)
    axis.set_ylabel(f"% of {over}")
    entitle(axis, f"{metric.label} of single {over}; dashed: mean")
    return encoded(figure, image)


@styled
def comparison(
    table: Table,
    name: str,
    *,
    published: Mapping[str, tuple[float, float]] | None = None,
    image: str = "svg",
) -> bytes:
    """Draw the mean of a metric for several systems, with bars of one standard deviation.

    Models are colored and baselines are gray.

    Args:
        table: Scores of the systems.
        name: Name of the metric.
        published: Published means and standard deviations by the name of the row, which are drawn
            as hollow dots beside the measured ones.
        image: ``"svg"`` or ``"png"``.
    """
    metric = table.metrics[name]
    published = published or {}
    rows = [
        (row, value.mean, value.std)
        for row in table.rows
        if (value := row.values[name]).mean is not None and value.std is not None
    ]
    names = [textwrap.fill(row.label, _LONGEST_LINE) for row, _, _ in rows]
    lines = max(name.count("\n") for name in names) if names else 0
    figure = new_figure(0.9 + (0.34 + 0.1 * lines) * len(rows))
    axis = figure.subplots()
    labels: dict[str, str | None] = {"measured": "measured", "published": "published"}
    for place, (row, mean, std) in enumerate(rows):
        reference = published.get(row.name)
        is_model = row.kind == "model"
        axis.errorbar(
            mean,
            place - 0.14 * (reference is not None),
            xerr=std,
            color=COLORS[0] if is_model else INK,
            alpha=1.0 if is_model else 0.55,
            label=labels["measured"] if reference is not None else None,
            **_DOT,
        )
        if reference is not None:
            axis.errorbar(
                reference[0],
                place + 0.14,
                xerr=reference[1],
                color=COLORS[1],
                markerfacecolor="none",
                label=labels["published"],
                **_DOT,
            )
            labels = dict.fromkeys(labels)
    axis.set_yticks(range(len(rows)), names)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.grid(False, axis="y")
    axis.set_xlabel(f"{metric.heading}, {metric.direction}".rstrip(", "))
    entitle(axis, f"{metric.label} over {table.over}")
    return encoded(figure, image)


def _apart(places: Mapping[str, float], distance: float) -> dict[str, float]:
    """Move labels up until they are at least ``distance`` apart, starting with the lowest."""
    moved: dict[str, float] = {}
    for label, place in sorted(places.items(), key=lambda item: item[1]):
        moved[label] = max([place, *(other + distance for other in moved.values())])
    return moved


def _loudest(audio: np.ndarray, count: int) -> int:
    """Return the start of the ``count`` consecutive samples with the most energy."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(audio, dtype=np.float64))])
    return int(np.argmax(energy[count:] - energy[:-count])) if len(audio) > count else 0


def _epochs(history: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the numbers of the epochs, which count from 1."""
    return np.arange(1, len(next(iter(history.values()))) + 1)


def _look(name: str, names: Sequence[str]) -> dict[str, Any]:
    """Return the line style of a signal: broad for the target, thin and dashed for the input."""
    if name == "target":
        return {"color": INK, "linewidth": 3.2, "alpha": 0.35, "zorder": 1}
    if name == "input":
        return {"color": COLORS[4], "linewidth": 1.1, "linestyle": (0, (3, 1.5)), "zorder": 2}
    models = [other for other in names if other not in ("input", "target")]
    return {"color": COLORS[models.index(name) % len(COLORS)], "linewidth": 1.5, "zorder": 3}


def _title(name: str) -> str:
    if name == "share":
        return "Share of the weighted loss"
    return METRICS[name].heading if name in METRICS else name.replace("_", " ")


def _plot_curves(axis: "Axes", epochs: np.ndarray, curves: Mapping[str, np.ndarray]) -> None:
    looks: dict[str, dict[str, Any]] = {
        "training": {"color": COLORS[4], "linewidth": 1.4, "linestyle": (0, (4, 1.5))},
        "validation": {"color": COLORS[0], "linewidth": 1.8},
    }
    marker = "o" if len(epochs) < 20 else None
    for number, (label, values) in enumerate(curves.items()):
        look = looks.get(label) if len(curves) > 1 else looks["validation"]
        look = look or {"color": COLORS[number % len(COLORS)]}
        axis.plot(epochs, values, label=label, marker=marker, markersize=3.5, **look)
    axis.set_xlabel("epoch")
    axis.locator_params(axis="x", integer=True)
