"""The rows of Table I: what each one changes in a common configuration, and what was published."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfaudiogan.config import PAPER_WEIGHTS, Config, LossWeights, preset, read_values
from tfaudiogan.errors import InputError
from tfaudiogan.runs.identity import flatten
from tfaudiogan.storage import write_text

MODERN = "modern"
RELATIVE = "adversarial-relative"
RELATIVE_CRITIC_RATE = 3e-4
"""Learning rate of the relative row's critic. At the paper's 1e-3 the row diverged sooner."""

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
        steps: generator updates, where they are not those of the experiment.
        start: name of the row whose generator provides the initial weights.
    """

    name: str
    label: str
    config: Config
    published: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    steps: int | None = None
    start: str | None = None

    @property
    def n_critic(self) -> int:
        """Return the critic updates for each generator update, 0 for a row without a critic."""
        return self.config.adversarial.n_critic if self.config.weights.adversarial else 0

    def save(self, path: Path) -> None:
        """Write the row as a file that ``load_row`` reads."""
        own = {"label": self.label, "steps": self.steps, "start": self.start}
        given = {name: value for name, value in own.items() if value is not None}
        values = {**given, **dataclasses.asdict(self.config)}
        write_text(path, json.dumps(values, indent=2) + "\n")


_PUBLISHED = {
    "time": {"snr": (2.63, 5.21), "lsd": (1.65, 0.18)},
    "frequency": {"snr": (1.59, 4.90), "lsd": (2.28, 0.18)},
    "feature": {"snr": (1.75, 5.21), "lsd": (2.21, 0.22)},
    "adversarial": {"snr": (-0.50, 5.42), "lsd": (2.46, 0.14)},
}
PAPER_ROWS = tuple(_PUBLISHED)
_SYMBOLS = {"frequency": "L_freq", "feature": "L_ae", "adversarial": "L_adv"}


def composite_losses(config: Config) -> tuple[Variant, ...]:
    """Return equations 20 to 23: the time loss alone, and with one term at the paper's weight.

    The critic of the last has the paper's penalty (equation 19), whatever ``config`` says.
    """
    variants = []
    for term, published in _PUBLISHED.items():
        weights, label = LossWeights(time=1.0), "L_time"
        if term != "time":
            weight = getattr(PAPER_WEIGHTS, term)
            weights = dataclasses.replace(weights, **{term: weight})
            label = f"L_time + {weight:g} {_SYMBOLS[term]}"
        changed = dataclasses.replace(config, weights=weights)
        if term == "adversarial":
            changed = changed.changed({"adversarial": {"relative_penalty": False}})
        variants.append(Variant(term, label, changed, published))
    return tuple(variants)


def relative_variant(config: Config) -> Variant:
    """Return the adversarial row whose penalty has its gradient taken for windows of level 1.

    The critic's learning rate is at most ``RELATIVE_CRITIC_RATE``.
    """
    (row,) = (row for row in composite_losses(config) if row.name == "adversarial")
    rate = min(config.optimizer.discriminator_learning_rate, RELATIVE_CRITIC_RATE)
    changed = row.config.changed(
        {
            "adversarial": {"relative_penalty": True},
            "optimizer": {"discriminator_learning_rate": rate},
        }
    )
    return Variant(RELATIVE, f"{row.label}, relative penalty", changed)


def modern_variant(config: Config) -> Variant:
    """Return a row with the loss and optimizer of the preset ``modern`` and the same networks.

    Raises:
        InputError: when there is no such preset.
    """
    modern = preset(MODERN)
    changed = dataclasses.replace(
        config, preset=MODERN, weights=modern.weights, optimizer=modern.optimizer
    )
    return Variant(MODERN, "Modern recipe", changed)


def table1_variants(config: Config) -> tuple[Variant, ...]:
    """Return the rows that every table has.

    They differ from ``config`` in their loss, and the last one also in its optimizer.
    """
    return (*composite_losses(config), relative_variant(config), modern_variant(config))


_ROW = re.compile(r"(?P<name>[^=]*)=(?P<path>.+?)(?::(?P<steps>\d+))?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def parse_row(text: str, config: Config) -> Variant:
    """Read a row from ``NAME=FILE`` or ``NAME=FILE:STEPS``.

    Raises:
        InputError: when it is something else, or as ``load_row``.
    """
    found = _ROW.fullmatch(text)
    if found is None or not _NAME.fullmatch(found["name"]):
        raise InputError(
            f"--row {text!r}; expected NAME=FILE.json or NAME=FILE.json:STEPS, the name of "
            "letters, digits, dots, dashes and underscores, as it is a folder's"
        )
    steps = int(found["steps"]) if found["steps"] else None
    return load_row(found["name"], Path(found["path"]), config, steps)


def load_row(name: str, path: Path, config: Config, steps: int | None = None) -> Variant:
    """Read a user's row from a JSON file.

    The file says what differs from the row ``time``, or, where it names a preset, from that; the
    configuration of a run is one, too. ``label``, ``steps`` and ``start`` may stand beside the
    sections.

    Args:
        name: of its run folder.
        config: what the rows have in common.
        steps: in place of what the file says.

    Raises:
        InputError: when the name is taken, or the file is not what it should be.
    """
    taken = [row.name for row in table1_variants(config)]
    if name in taken:
        raise InputError(f"--row {name}: every table has a row of this name; give another name")
    if not path.is_file():
        raise InputError(f"--row {name}: there is no file {path}; give a configuration in JSON")
    values = read_values(path)
    label = values.pop("label", name)
    if not isinstance(label, str) or not label.strip() or not label.isprintable():
        raise InputError(f"{path}: label is {label!r}; expected one line of text")
    kept = values.pop("steps", None)
    steps = kept if steps is None else steps
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
        raise InputError(f"--row {name}: steps is {steps!r}; expected a whole number of 1 or more")
    start = values.pop("start", None)
    if start is not None and not isinstance(start, str):
        raise InputError(f"{path}: start is {start!r}; expected the name of a row")
    if "preset" in values:
        changed = Config.from_dict(values, str(path))
    else:
        changed = composite_losses(config)[0].config.changed(values, str(path))
    return Variant(name, label, changed, steps=steps, start=start)


def after_starts(rows: Sequence[Variant]) -> list[Variant]:
    """Return the rows, each after the row that it starts from and with its order of subpixels.

    Raises:
        InputError: when a start is not a row, or leads back to its own row.
    """
    named = {row.name: row for row in rows}
    ordered: dict[str, Variant] = {}
    for row in rows:
        chain = [row]
        while (start := chain[-1].start) is not None:
            if start not in named:
                raise InputError(
                    f"row {chain[-1].name}: start is {start!r}, and there is no such row; choose "
                    f"of {', '.join(name for name in named if name != chain[-1].name)}"
                )
            if named[start] in chain:
                raise InputError(f"row {row.name} starts from itself; choose another start")
            chain.append(named[start])
        for one in reversed(chain):
            config = one.config
            if one.start is not None:
                order = ordered[one.start].config.generator.subpixel
                config = config.in_order(None if order == "blocked" else order)
            ordered[one.name] = dataclasses.replace(one, config=config)
    return list(ordered.values())


def differences(row: Variant, config: Config) -> Iterator[tuple[str, Any, Any]]:
    """Return the name, value and common value of what a row changes besides its loss's weights."""
    common = dict(flatten(dataclasses.asdict(config)))
    for name, value in flatten(dataclasses.asdict(row.config)):
        if value != common[name] and name != "preset" and not name.startswith("weights."):
            yield name, value, common[name]
