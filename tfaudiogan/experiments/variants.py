"""The rows of Table I: what each one changes in a common configuration, and what was published."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from tfaudiogan.config import PAPER_WEIGHTS, Config, LossWeights, preset

MODERN = "modern"

PUBLISHED_IDENTITY = {"snr": (-4.70, 3.23)}
"""SNR of the paper's inputs as they are (section V-B)."""


@dataclass(frozen=True)
class Variant:
    """A row of the table.

    Attributes:
        name: of its run folder.
        label: as it is printed.
        config: the whole configuration of its run.
        published: mean and standard deviation in the paper, by metric.
    """

    name: str
    label: str
    config: Config
    published: Mapping[str, tuple[float, float]] = field(default_factory=dict)


_PUBLISHED = {
    "time": {"snr": (2.63, 5.21), "lsd": (1.65, 0.18)},
    "frequency": {"snr": (1.59, 4.90), "lsd": (2.28, 0.18)},
    "feature": {"snr": (1.75, 5.21), "lsd": (2.21, 0.22)},
    "adversarial": {"snr": (-0.50, 5.42), "lsd": (2.46, 0.14)},
}
_SYMBOLS = {"frequency": "L_freq", "feature": "L_ae", "adversarial": "L_adv"}


def composite_losses(config: Config) -> tuple[Variant, ...]:
    """Equations 20 to 23: the time loss alone, and with one other term at the paper's weight."""
    variants = []
    for term, published in _PUBLISHED.items():
        weights, label = LossWeights(time=1.0), "L_time"
        if term != "time":
            weight = getattr(PAPER_WEIGHTS, term)
            weights = dataclasses.replace(weights, **{term: weight})
            label = f"L_time + {weight:g} {_SYMBOLS[term]}"
        variants.append(
            Variant(term, label, dataclasses.replace(config, weights=weights), published)
        )
    return tuple(variants)


def modern_variant(config: Config) -> Variant:
    """The loss and optimiser of the preset ``modern``; networks, window and batch stay.

    Raises:
        InputError: when there is no such preset.
    """
    modern = preset(MODERN)
    changed = dataclasses.replace(
        config, preset=MODERN, weights=modern.weights, optimizer=modern.optimizer
    )
    return Variant(MODERN, "Modern recipe", changed)


def table1_variants(config: Config, recipe: bool = True) -> tuple[Variant, ...]:
    """All rows, as differences of their loss (and, in the last, optimiser) from ``config``."""
    rows = composite_losses(config)
    return (*rows, modern_variant(config)) if recipe else rows
