"""Figure 6 as pictures and a page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfaudiogan.config import Config
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.evaluation.report import versions
from tfaudiogan.experiments.separation import Separation
from tfaudiogan.reporting.drawing import (
    COLORS,
    WIDTH_INCHES,
    encoded,
    entitle,
    new_figure,
    styled,
)
from tfaudiogan.reporting.page import Number, Page
from tfaudiogan.storage import replacing

COLUMNS = 3


@styled
def panels(found: Separation, *, image: str = "svg") -> bytes:
    """Draw the embedding of each chosen channel, with its separability."""
    rows = -(-len(found.points) // COLUMNS)
    figure = new_figure(0.4 + rows * WIDTH_INCHES / COLUMNS)
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, (channel, clouds) in zip(axes, found.points.items(), strict=False):
        axis.set_axis_on()
        axis.grid(False)
        axis.set_xticks([])
        axis.set_yticks([])
        for cloud, color, label in zip(clouds, COLORS, ("input", "target"), strict=False):
            look = {"s": 5, "color": color, "alpha": 0.6, "linewidths": 0}
            axis.scatter(*cloud.T, label=label, rasterized=True, **look)
        axis.set_title(f"channel {channel}: {found.scores[channel]:.2f}", fontsize=9)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2, markerscale=2)
    return encoded(figure, image)


@styled
def all_channels(found: Sequence[Separation], *, image: str = "svg") -> bytes:
    """Draw the sorted separability of every channel for each autoencoder."""
    figure = new_figure(2.6)
    axis = figure.subplots()
    for number, one in enumerate(found):
        scores = np.sort(one.scores)[::-1]
        axis.plot(np.arange(1, len(scores) + 1), scores, label=one.label, color=COLORS[number])
    axis.axhline(0.5, linewidth=1, linestyle=(0, (4, 3)), color=COLORS[5])
    axis.set_xlabel("channels, the most separable first")
    axis.set_ylabel("separability")
    axis.set_ylim(min(0.45, *(min(one.scores) for one in found)), 1.02)
    entitle(axis, "All channels; dashed: inseparable")
    return encoded(figure, image)


def write_figure6(
    out: Path,
    corpus: Corpus,
    config: Config,
    found: Sequence[Separation],
    *,
    method: str,
    facts: Mapping[str, Any],
    command: str,
) -> Path:
    """Write ``index.html``, and ``figure6-NAME.svg`` and ``.png`` for each autoencoder.

    Args:
        method: what the separability is, in words.

    Returns:
        The page's path.
    """
    plain = found[0]
    lead = (
        f"Input and target sounds in {len(plain.points)} of the {len(plain.scores)} channels of "
        "the autoencoder's bottleneck, as t-SNE lays them out in the plane."
    )
    page = Page("Figure 6: is the feature space discerning?", lead=lead)
    result = page.section("Result")
    result.numbers(
        [
            Number(
                f"{one.mean:.2f}",
                one.label,
                f"mean separability of its channels, from {min(one.scores):.2f} to "
                f"{max(one.scores):.2f}\ngives windows back at {one.reconstruction_db:.1f} dB SNR",
            )
            for one in found
        ]
    )
    result.text(f"Separability: {method}")
    for one in found:
        for image in ("svg", "png"):
            with replacing(out / f"figure6-{one.name}.{image}") as path:
                path.write_bytes(panels(one, image=image))
        shown = ", ".join(f"channel {c} {one.scores[c]:.2f}" for c in one.points)
        result.figure(
            panels(one),
            alt=f"{one.label}: t-SNE of input and target windows. Separability: {shown}",
            caption=f"{one.label}: each point is a window, its {_values(config)} values of one "
            "channel laid out by t-SNE; the number is that channel's separability.",
            tall=True,
        )
    result.figure(all_channels(found), alt="Separability of all channels, sorted")
    made = page.section("How it was made")
    made.facts(
        {
            **facts,
            "corpus": corpus.description,
            "corpus_sha256": corpus.checksum[:16],
            "window": f"{config.window:,} samples",
            "versions": versions(),
        }
    )
    made.code(command, label="Make it again")
    made.code(config.to_json(), label="Configuration", folded=True)
    return page.write(out)


def _values(config: Config) -> int:
    return config.window // 2**config.autoencoder.blocks
