"""The folder of a run: what lies where in it, and what made it."""

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfaudiogan.config import Config
from tfaudiogan.errors import InputError
from tfaudiogan.runs.identity import check_given, read_json

RESUME_ADVICE = "resume it without that option, or begin another run with another --run"


@dataclass(frozen=True)
class Plan:
    """What makes a run besides its configuration and its corpus; ``run.json`` keeps it.

    Attributes:
        steps: generator updates of the whole run.
        monitor: the validation log whose best epoch gives ``generator.keras``.
        licence: of the weights, for the model's metadata.
        autoencoder_steps: of the autoencoder's pretraining, where one is needed.
        autoencoder_sha256: checksum of the autoencoder that was given.
        warm_start_sha256: checksum of the generator that the run started from.
    """

    steps: int
    monitor: str = "val_snr"
    licence: str = ""
    autoencoder_steps: int = 1000
    autoencoder_sha256: str | None = None
    warm_start_sha256: str | None = None

    @classmethod
    def begin(cls, config: Config, **given: Any) -> "Plan":
        """The plan of a new run; what is not given has its default.

        Raises:
            InputError: when a number of steps is below 1.
        """
        values = {name: value for name, value in given.items() if value is not None}
        values.setdefault("steps", config.training.epochs * config.training.steps_per_epoch)
        for name in ("steps", "autoencoder_steps"):
            if values.get(name, 1) < 1:
                what = name.replace("_", " ")
                raise InputError(f"{values[name]} {what}; expected 1 or more")
        return cls(**values)


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what it makes."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def facts(self) -> Path:
        return self.path / "run.json"

    @property
    def history(self) -> Path:
        return self.path / "history.csv"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.npz"

    @property
    def generator(self) -> Path:
        return self.path / "generator.keras"

    @property
    def autoencoder(self) -> Path:
        return self.path / "autoencoder.keras"

    @property
    def start(self) -> Path:
        return self.path / "start.keras"

    @property
    def report(self) -> Path:
        return self.path / "report"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    def check_free(self) -> None:
        """Raise InputError when the folder holds a run that has come to something."""
        if self.checkpoint.is_file() or self.generator.is_file():
            raise InputError(
                f"{self.path} holds a run already; continue it with --resume, "
                "replace it with --overwrite, or give another --run"
            )

    def read(self) -> tuple[Config, dict[str, Any]]:
        """The run's configuration and ``run.json``.

        Raises:
            InputError: when the folder holds no run, or a file of it is damaged.
        """
        for path in (self.config, self.facts):
            if not path.is_file():
                raise InputError(
                    f"{self.path} holds no run to resume ({path.name} is not there); correct "
                    "--run, or begin a run without --resume"
                )
        facts = read_json(self.facts)
        for name, kind in (("steps", int), ("corpus", str), ("corpus_sha256", str)):
            if not isinstance(facts.get(name), kind):
                raise InputError(
                    f"{self.facts} is damaged ({name} is {facts.get(name)!r}); begin the run anew"
                )
        return Config.load(self.config), facts

    def resume(self, facts: dict[str, Any], **given: Any) -> Plan:
        """The plan of the run, from its ``run.json``.

        Raises:
            InputError: when a value is given that contradicts it; both are named.
        """
        default = Plan(facts["steps"])
        known = {f.name: facts.get(f.name, getattr(default, f.name)) for f in _PLAN_FIELDS}
        for name, value in vars(default).items():
            kinds = (str, type(None)) if value is None else (type(value),)
            if not isinstance(known[name], kinds):
                raise InputError(
                    f"{self.facts} is damaged ({name} is {known[name]!r}); begin the run anew"
                )
        check_given(self.path, known, given, RESUME_ADVICE)
        return Plan(**known)

    def kept(self, plan: Plan) -> tuple[Path | None, Path | None]:
        """The run's autoencoder and the generator it started from, where it has them.

        Raises:
            InputError: when one that the run was given is no longer there.
        """
        found: list[Path | None] = []
        for path, given in (
            (self.autoencoder, plan.autoencoder_sha256),
            (self.start, plan.warm_start_sha256),
        ):
            if given and not path.is_file():
                raise InputError(f"{path} is not there any more; begin the run anew")
            found.append(path if path.is_file() else None)
        return found[0], found[1]

    def clear(self) -> None:
        """Remove all that an earlier run left, what would let it be resumed first."""
        for path in (
            self.facts,
            self.checkpoint,
            self.generator,
            self.autoencoder,
            self.autoencoder.with_suffix(".csv"),
            self.start,
            self.history,
            self.config,
            self.path / "scores.json",
        ):
            path.unlink(missing_ok=True)
        for folder in (self.report, self.tensorboard):
            shutil.rmtree(folder, ignore_errors=True)


_PLAN_FIELDS = dataclasses.fields(Plan)
