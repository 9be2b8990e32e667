"""How a search goes about it, and the file that keeps two searches from mixing in one folder."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfaudiogan.config import Config
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.runs.identity import flatten, read_json, settle

TUNERS = ("random", "bayesian", "hyperband")
OBJECTIVES = {"val_snr": "max", "val_lsd": "min", "weighted": "max"}
ROUNDS = 9
FILE = "search.json"


@dataclass(frozen=True)
class Settings:
    """Everything about a search but its data, base configuration, space and number of trials.

    Attributes:
        tuner: ``"random"``, ``"bayesian"`` or ``"hyperband"``.
        objective: ``"val_snr"`` (dB, higher is better), ``"val_lsd"`` (lower is better) or
            ``"weighted"``: SNR - ``lsd_weight`` x LSD (higher is better).
        steps: generator updates of a whole trial, or ...
        minutes: ... its length, with compiling and validating in it.
        early_stopping: end trials that fall behind (``tuner.is_hopeless``).
        autoencoder_steps: of the pretraining that all trials share.
        seed: of the points that are drawn; the trials' own is the base's.
    """

    tuner: str = "random"
    objective: str = "val_snr"
    lsd_weight: float = 5.0
    steps: int | None = 1000
    minutes: float | None = None
    early_stopping: bool = True
    autoencoder_steps: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.tuner not in TUNERS:
            raise InputError(f"unknown tuner {self.tuner!r}; choose one of {', '.join(TUNERS)}")
        if self.objective not in OBJECTIVES:
            raise InputError(
                f"unknown objective {self.objective!r}; choose one of {', '.join(OBJECTIVES)}"
            )
        if (self.steps is None) == (self.minutes is None):
            raise InputError("a trial's budget is either --steps or --minutes; give one of them")
        if self.steps is not None and self.steps < 1:
            raise InputError(f"a trial of {self.steps} steps; expected 1 or more")
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise InputError(f"a trial of {self.minutes:g} minutes; expected more than 0")

    @property
    def direction(self) -> str:
        """``"max"`` or ``"min"``."""
        return OBJECTIVES[self.objective]

    @property
    def seconds(self) -> float:
        """The time of a whole trial; 0 where its budget is in steps."""
        return 60 * (self.minutes or 0.0)

    @property
    def steps_per_round(self) -> int | None:
        """A trial is validated after each round; there are at most ``ROUNDS``."""
        return None if self.steps is None else -(-self.steps // ROUNDS)

    @property
    def rounds(self) -> int:
        """Rounds of a whole trial; Hyperband gives some trials fewer."""
        if self.steps is None or self.steps_per_round is None:
            return ROUNDS
        return -(-self.steps // self.steps_per_round)

    def better(self, value: float, than: float) -> bool:
        """Whether a value of the objective beats another."""
        return value > than if self.direction == "max" else value < than

    def score(self, logs: Mapping[str, float]) -> float:
        """The objective of a round's logs."""
        if self.objective == "weighted":
            return logs["val_snr"] - self.lsd_weight * logs["val_lsd"]
        return logs[self.objective]


def claim(
    out: Path, corpus: Corpus, base: Config, space: Mapping[str, Any], settings: Settings
) -> None:
    """Make ``out`` the folder of this search, or see that it already is.

    ``search.json`` in it holds what must not change between two starts of one search.

    Raises:
        InputError: when it is another search's, with the first difference named.
    """
    identity = {
        "data": {"sha256": corpus.checksum[:16], "description": corpus.description},
        "space": dict(space),
        "base": dataclasses.asdict(base),
        "settings": dataclasses.asdict(settings),
    }
    settle(out / FILE, identity, "give the same, or another --out")


def in_earlier_order(base: Config, out: Path) -> Config:
    """The base configuration in the order of subpixel layers of the search that ``out`` holds.

    Raises:
        InputError: when the search's file is damaged.
    """
    if not (out / FILE).is_file():
        return base
    known = dict(flatten(read_json(out / FILE)))
    return base.in_order(known.get("base.generator.subpixel"))


def earlier_precision(out: Path) -> str | None:
    """What ``"auto"`` has come to in the search that ``out`` holds; ``None`` where it holds none.

    Raises:
        InputError: when the search's file is damaged.
    """
    if not (out / FILE).is_file():
        return None
    known = dict(flatten(read_json(out / FILE)))
    return known.get("base.training.precision", "float32")
