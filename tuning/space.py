"""What is searched, in which ranges, and which configuration a point of the space stands for."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfaudiogan.config import PAPER_WEIGHTS, Config
from tfaudiogan.errors import InputError

Value = bool | int | float


@dataclass(frozen=True)
class Parameter:
    """One thing that is searched.

    Whether it is a switch, a whole number or a real number follows from ``paper``.

    Attributes:
        name: on the command line, in files and in tables.
        meaning: in a few words.
        place: section and field of ``Config``; a switch that is off sets it to 0.
        paper: the paper's value, or its reference implementation's.
        low: of the range, included.
        high: of the range, included.
        least: below which no range may reach.
        needs: the switch without which it has no effect.
    """

    name: str
    meaning: str
    place: tuple[str, str]
    paper: Value
    low: Value = False
    high: Value = True
    least: Value = 0
    needs: str = ""

    @property
    def is_switch(self) -> bool:
        return isinstance(self.paper, bool)

    @property
    def is_logarithmic(self) -> bool:
        """Real numbers are all drawn on a logarithmic scale."""
        return isinstance(self.paper, float)

    def checked(self, value: Any, source: str) -> Value:
        """The value with the parameter's type.

        Raises:
            InputError: when it has another, or is out of range.
        """
        kind = type(self.paper)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            expected = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
            raise InputError(f"{source}: {self.name} is {json.dumps(value)}; expected {expected}")
        if self.is_switch:
            return value
        if self.is_logarithmic and not (value > 0 and math.isfinite(value)):
            off = f"; to leave the term out, fix {self.needs}=false" if self.needs else ""
            raise InputError(f"{source}: {self.name} is {value:g}; expected more than 0{off}")
        if value < self.least:
            raise InputError(f"{source}: {self.name} is {value}; expected {self.least} or more")
        return value


PARAMETERS = (
    Parameter("frequency", "frequency loss or not", ("weights", "frequency"), True),
    Parameter(
        "lambda_f",
        "weight of the frequency loss (equation 21)",
        ("weights", "frequency"),
        PAPER_WEIGHTS.frequency,
        0.1,
        100.0,
        needs="frequency",
    ),
    Parameter("feature", "feature loss or not", ("weights", "feature"), True),
    Parameter(
        "lambda_ae",
        "weight of the autoencoder's feature loss (equation 22)",
        ("weights", "feature"),
        PAPER_WEIGHTS.feature,
        1e-3,
        10.0,
        needs="feature",
    ),
    Parameter("adversarial", "adversarial loss or not", ("weights", "adversarial"), True),
    Parameter(
        "lambda_adv",
        "weight of the adversarial loss (equation 23)",
        ("weights", "adversarial"),
        PAPER_WEIGHTS.adversarial,
        1e-6,
        1e-2,
        needs="adversarial",
    ),
    Parameter(
        "lambda_p",
        "weight of the gradient penalty (equation 19)",
        ("adversarial", "gradient_penalty"),
        10.0,
        1.0,
        100.0,
        needs="adversarial",
    ),
    Parameter(
        "n_critic",
        "critic updates for each generator update",
        ("adversarial", "n_critic"),
        5,
        1,
        5,
        least=1,
        needs="adversarial",
    ),
    Parameter(
        "critic_learning_rate",
        "Adam's, of the critic",
        ("optimizer", "discriminator_learning_rate"),
        1e-3,
        1e-4,
        3e-3,
        needs="adversarial",
    ),
    Parameter("d_max", "capacity of the generator (section IV-F)", ("generator", "d_max"), 4, 0, 4),
    Parameter(
        "learning_rate",
        "Adam's, of the generator",
        ("optimizer", "learning_rate"),
        1e-3,
        1e-4,
        3e-3,
    ),
)
"""The whole space; real numbers are drawn on a logarithmic scale."""

BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}


def derive(base: Config, values: Mapping[str, Any]) -> Config:
    """The configuration at a point of the space: ``base`` with ``values`` in their places.

    Parameters that are not among the values, or whose switch is off, keep the base's; other names
    are ignored.
    """
    sections: dict[str, dict[str, Value]] = {}
    for parameter in PARAMETERS:
        if parameter.name not in values or not values.get(parameter.needs, True):
            continue
        value = values[parameter.name]
        section, field = parameter.place
        if not parameter.is_switch:
            sections.setdefault(section, {})[field] = value
        elif not value:
            sections.setdefault(section, {})[field] = 0.0
    return dataclasses.replace(
        base,
        **{
            section: dataclasses.replace(getattr(base, section), **fields)
            for section, fields in sections.items()
        },
    )


@dataclass(frozen=True)
class Space:
    """The parameters that are searched, and the values of those that are not."""

    searched: tuple[Parameter, ...]
    fixed: Mapping[str, Value]

    @classmethod
    def over(cls, base: Config, narrowing: Mapping[str, Any] | None = None) -> "Space":
        """The space around a configuration.

        Without a critic's gradient penalty in ``base`` there is no ``lambda_p``; parameters of a
        term that is fixed to be off are left out.

        Args:
            base: what the parameters are put into.
            narrowing: by parameter, a value that fixes it or a range ``[low, high]``.

        Raises:
            InputError: for an unknown name, a value or range that makes no sense, or one for a
                parameter without effect.
        """
        narrowing = dict(narrowing or {})
        unknown = sorted(set(narrowing) - set(BY_NAME))
        if unknown:
            raise InputError(
                f"search space: unknown parameter {unknown[0]!r}; choose from {', '.join(BY_NAME)}"
            )
        searched: list[Parameter] = []
        fixed: dict[str, Value] = {}
        for parameter in PARAMETERS:
            wanted = narrowing.get(parameter.name)
            off = _without_effect(parameter, base, fixed)
            if off:
                if wanted is not None:
                    raise InputError(f"search space: {parameter.name} has no effect; {off}")
                continue
            if parameter.needs in fixed:
                parameter = dataclasses.replace(parameter, needs="")
            if parameter.name == "d_max":
                high = min(parameter.high, base.generator.blocks)
                parameter = dataclasses.replace(parameter, high=high)
            if isinstance(wanted, list | tuple):
                searched.append(_ranged(parameter, wanted))
            elif wanted is not None:
                fixed[parameter.name] = parameter.checked(wanted, "search space")
            else:
                searched.append(parameter)
        if not searched:
            raise InputError("search space: every parameter is fixed; leave at least one open")
        return cls(tuple(searched), fixed)

    @property
    def can_use_features(self) -> bool:
        """Whether a point of the space needs the autoencoder."""
        return self.fixed.get("feature", True) is True

    @property
    def can_use_critic(self) -> bool:
        """Whether a point of the space has the adversarial term."""
        return self.fixed.get("adversarial", True) is True

    def declare(self, hp: Any) -> None:
        """Register the searched parameters with Keras Tuner's ``HyperParameters``."""
        for parameter in self.searched:
            condition: dict[str, Any] = {}
            if parameter.needs:
                condition = {"parent_name": parameter.needs, "parent_values": [True]}
            if parameter.is_switch:
                hp.Boolean(parameter.name, default=parameter.paper, **condition)
                continue
            default = min(max(parameter.paper, parameter.low), parameter.high)
            register, sampling = (
                (hp.Float, "log") if parameter.is_logarithmic else (hp.Int, "linear")
            )
            register(
                parameter.name,
                parameter.low,
                parameter.high,
                sampling=sampling,
                default=default,
                **condition,
            )

    def complete(self, values: Mapping[str, Any]) -> dict[str, Value]:
        """Values of the searched parameters and of the fixed ones, in the order of the space."""
        known = {**self.fixed, **values}
        return {
            name: known[name]
            for name, parameter in BY_NAME.items()
            if name in known and known.get(parameter.needs, True)
        }

    def paper(self) -> dict[str, Value]:
        """The paper's values of the searched parameters, in their ranges or not."""
        return {parameter.name: parameter.paper for parameter in self.searched}

    def to_dict(self) -> dict[str, Any]:
        """What ``narrowing`` would be, with every parameter in it."""
        ranges = {
            p.name: "true or false" if p.is_switch else [p.low, p.high] for p in self.searched
        }
        return {name: (ranges | dict(self.fixed)).get(name) for name in BY_NAME}


def _without_effect(parameter: Parameter, base: Config, fixed: Mapping[str, Value]) -> str:
    if fixed.get(parameter.needs, True) is False:
        return f"{parameter.needs} is fixed to false"
    game = base.adversarial
    if parameter.name == "lambda_p" and game.objective != "wasserstein":
        return f"the base's objective is {game.objective}"
    if parameter.name == "lambda_p" and game.weight_clip is not None:
        return f"the base clips the critic's weights at {game.weight_clip:g}"
    return ""


def _ranged(parameter: Parameter, wanted: Sequence[Any]) -> Parameter:
    if parameter.is_switch or len(wanted) != 2:
        kind = "true or false" if parameter.is_switch else "two numbers, low and high"
        raise InputError(
            f"search space: {parameter.name} is {json.dumps(list(wanted))}; expected {kind}"
        )
    low, high = (parameter.checked(value, "search space") for value in wanted)
    if not low < high:
        raise InputError(
            f"search space: {parameter.name} ranges from {low:g} to {high:g}; "
            "expected the lower number first"
        )
    return dataclasses.replace(parameter, low=low, high=high)


def read_narrowing(path: Path) -> dict[str, Any]:
    """Read a JSON object such as ``{"adversarial": false, "lambda_f": [1, 30], "d_max": 2}``.

    Raises:
        InputError: when the file is no such thing.
    """
    try:
        narrowing = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); see --help for an example") from error
    if not isinstance(narrowing, dict):
        raise InputError(f"{path} holds a {type(narrowing).__name__}; expected a JSON object")
    return narrowing


def parse_fix(text: str) -> tuple[str, Any]:
    """``("d_max", 2)`` from ``"d_max=2"``.

    Raises:
        InputError: when it is no such thing.
    """
    name, _, value = text.partition("=")
    return name.strip(), _literal(value, f"--fix {text}", "NAME=VALUE, as in d_max=2")


def parse_range(text: str) -> tuple[str, list[Any]]:
    """``("lambda_f", [1, 30])`` from ``"lambda_f=1:30"``.

    Raises:
        InputError: when it is no such thing.
    """
    name, _, value = text.partition("=")
    expected = "NAME=LOW:HIGH, as in lambda_f=1:30"
    return name.strip(), [_literal(v, f"--range {text}", expected) for v in value.split(":")]


def _literal(text: str, source: str, expected: str) -> Any:
    try:
        return json.loads(text.strip().lower())
    except ValueError as error:
        raise InputError(f"{source}: {text!r} is no value; expected {expected}") from error
