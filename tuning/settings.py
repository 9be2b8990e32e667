"""The settings of a search, and the file that keeps two searches from sharing a folder."""

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
    """The settings of a search, except its corpus, base configuration, space and trials.

    Attributes:
        tuner: Strategy: ``"random"``, ``"bayesian"`` or ``"hyperband"``.
        objective: Score of a trial: ``"val_snr"`` (dB, higher is better), ``"val_lsd"`` (lower is
            better) or ``"weighted"``: SNR - ``lsd_weight`` x LSD (higher is better).
        lsd_weight: Weight of the LSD in the objective ``"weighted"``, in dB per bel.
        steps: Number of generator updates in a whole trial.
        minutes: Duration of a whole trial with compilation and validation, instead of ``steps``.
        early_stopping: Whether to stop trials that fall behind (``tuner.is_hopeless``).
        autoencoder_steps: Number of pretraining steps of the autoencoder that all trials share.
        seed: Seed of the points. The seed of each trial is that of the base configuration.
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
            raise InputError(f"a trial has {self.steps} steps; expected 1 or more")
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise InputError(f"a trial has {self.minutes:g} minutes; expected more than 0")

    @property
    def direction(self) -> str:
        """``"max"`` or ``"min"``."""
        return OBJECTIVES[self.objective]

    @property
    def seconds(self) -> float:
        """Duration of a whole trial in seconds; 0 if its budget is in steps."""
        return 60 * (self.minutes or 0.0)

    @property
    def steps_per_round(self) -> int | None:
        """Number of steps in a round, after which a trial is validated; ``None`` for minutes."""
        return None if self.steps is None else -(-self.steps // ROUNDS)

    @property
    def rounds(self) -> int:
        """Number of rounds in a whole trial. Hyperband runs some trials for fewer rounds."""
        if self.steps is None or self.steps_per_round is None:
            return ROUNDS
        return -(-self.steps // self.steps_per_round)

    def better(self, value: float, than: float) -> bool:
        """Return whether a value of the objective is better than another."""
        return value > than if self.direction == "max" else value < than

    def score(self, logs: Mapping[str, float]) -> float:
        """Return the objective of a round's logs."""
        if self.objective == "weighted":
            return logs["val_snr"] - self.lsd_weight * logs["val_lsd"]
        return logs[self.objective]


def claim(
    out: Path, corpus: Corpus, base: Config, space: Mapping[str, Any], settings: Settings
) -> None:
    """Make ``out`` the folder of this search, or check that it already is.

    Its ``search.json`` records the settings that must not change between two starts of a search.

    Raises:
        InputError: If the folder belongs to another search. The message names the first difference.
    """
    identity = {
        "data": {"sha256": corpus.checksum[:16], "description": corpus.description},
        "space": dict(space),
        "base": dataclasses.asdict(base),
        "settings": dataclasses.asdict(settings),
    }
    settle(out / FILE, identity, "give the same settings, or another --out")


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
    """Return the precision of the search in ``out``; ``None`` if there is no search.

    Raises:
        InputError: If the file of the search is damaged.
    """
    if not (out / FILE).is_file():
        return None
    known = dict(flatten(read_json(out / FILE)))
    return known.get("base.training.precision", "float32")
