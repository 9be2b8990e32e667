"""The folder of a run: its files, and the settings that it was made with."""

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfaudiogan.config import Config
from tfaudiogan.errors import InputError
from tfaudiogan.runs.identity import check_given, read_json

RESUME_ADVICE = "resume it without that option, or start a new run with another --run"


@dataclass(frozen=True)
class Plan:
    """The settings of a run besides its configuration and corpus; ``run.json`` keeps them.

    Attributes:
        steps: Number of generator updates in the whole run.
        monitor: Validation log whose best epoch is saved as ``generator.keras``.
        licence: License of the weights, for the model's metadata.
        autoencoder_steps: Number of pretraining steps of the autoencoder, if the run trains one.
        autoencoder_sha256: Checksum of the autoencoder that was given.
        warm_start_sha256: Checksum of the generator that the run started from.
    """

    steps: int
    monitor: str = "val_snr"
    licence: str = ""
    autoencoder_steps: int = 1000
    autoencoder_sha256: str | None = None
    warm_start_sha256: str | None = None

    @classmethod
    def begin(cls, config: Config, **given: Any) -> "Plan":
        """Make the plan of a new run. Values that are ``None`` take their defaults.

        Raises:
            InputError: If a number of steps is less than 1.
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
    """The paths of a run's files."""

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
        """Raise InputError if the folder holds a run with a checkpoint or a generator."""
        if self.checkpoint.is_file() or self.generator.is_file():
            raise InputError(
                f"{self.path} already holds a run; continue it with --resume, "
                "replace it with --overwrite, or give another --run"
            )

    def read(self) -> tuple[Config, dict[str, Any]]:
        """Read the run's configuration and its ``run.json``.

        Raises:
            InputError: If the folder holds no run, or one of its files is damaged.
        """
        for path in (self.config, self.facts):
            if not path.is_file():
                raise InputError(
                    f"{self.path} holds no run to resume ({path.name} is missing); correct "
                    "--run, or start a run without --resume"
                )
        facts = read_json(self.facts)
        for name, kind in (("steps", int), ("corpus", str), ("corpus_sha256", str)):
            if not isinstance(facts.get(name), kind):
                raise InputError(
                    f"{self.facts} is damaged ({name} is {facts.get(name)!r}); start the run again"
                )
        return Config.load(self.config), facts

    def resume(self, facts: dict[str, Any], **given: Any) -> Plan:
        """Make the plan of a resumed run from its ``run.json``.

        Raises:
            InputError: If a given value contradicts it. The message shows both values.
        """
        default = Plan(facts["steps"])
        known = {f.name: facts.get(f.name, getattr(default, f.name)) for f in _PLAN_FIELDS}
        for name, value in vars(default).items():
            kinds = (str, type(None)) if value is None else (type(value),)
            if not isinstance(known[name], kinds):
                raise InputError(
                    f"{self.facts} is damaged ({name} is {known[name]!r}); start the run again"
                )
        check_given(self.path, known, given, RESUME_ADVICE)
        return Plan(**known)

    def given_models(self, plan: Plan) -> tuple[Path | None, Path | None]:
        """Return the paths of the run's autoencoder and of the generator that it started from.

        A path is ``None`` if the run has no such model.

        Raises:
            InputError: If a model that the run was given is missing.
        """
        paths: list[Path | None] = []
        for path, given in (
            (self.autoencoder, plan.autoencoder_sha256),
            (self.start, plan.warm_start_sha256),
        ):
            if given and not path.is_file():
                raise InputError(f"{path} is missing; start the run again")
            paths.append(path if path.is_file() else None)
        return paths[0], paths[1]

    def clear(self) -> None:
        """Remove the files of an earlier run, first those that it could be resumed from."""
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
