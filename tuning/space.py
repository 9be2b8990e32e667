"""The search space: its parameters, their ranges, and the configuration of a point."""

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
    """A parameter of the search space.

    The type of ``paper`` tells whether it is a switch, a whole number or a real number.

    Attributes:
        name: Name on the command line, in files and in tables.
        meaning: Short description.
        place: Section and field of ``Config``. A switch that is off sets the field to 0.
        paper: Value of the paper or of its reference implementation.
        low: Lower end of the range, included.
        high: Upper end of the range, included.
        least: Lowest value that a range may have.
        needs: Switch without which the parameter has no effect.
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
        """Whether values are drawn on a logarithmic scale, as all real numbers are."""
        return isinstance(self.paper, float)

    def checked(self, value: Any, source: str) -> Value:
        """Return the value with the parameter's type.

        Raises:
            InputError: If the value has another type or is out of range.
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
    Parameter("frequency", "whether to use the frequency loss", ("weights", "frequency"), True),
    Parameter(
        "lambda_f",
        "weight of the frequency loss (equation 21)",
        ("weights", "frequency"),
        PAPER_WEIGHTS.frequency,
        0.1,
        100.0,
        needs="frequency",
    ),
    Parameter("feature", "whether to use the feature loss", ("weights", "feature"), True),
    Parameter(
        "lambda_ae",
        "weight of the autoencoder's feature loss (equation 22)",
        ("weights", "feature"),
        PAPER_WEIGHTS.feature,
        1e-3,
        10.0,
        needs="feature",
    ),
    Parameter(
        "adversarial", "whether to use the adversarial loss", ("weights", "adversarial"), True
    ),
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
        "number of critic updates for each generator update",
        ("adversarial", "n_critic"),
        5,
        1,
        5,
        least=1,
        needs="adversarial",
    ),
    Parameter(
        "critic_learning_rate",
        "learning rate of the critic",
        ("optimizer", "discriminator_learning_rate"),
        1e-3,
        1e-4,
        3e-3,
        needs="adversarial",
    ),
    Parameter("d_max", "capacity of the generator (section IV-F)", ("generator", "d_max"), 4, 0, 4),
    Parameter(
        "learning_rate",
        "learning rate of the generator",
        ("optimizer", "learning_rate"),
        1e-3,
        1e-4,
        3e-3,
    ),
)
"""All parameters. Real numbers are drawn on a logarithmic scale."""

BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}


def derive(base: Config, values: Mapping[str, Any]) -> Config:
    """Return the configuration of a point: ``base`` with the point's values.

    Parameters that have no value, or whose switch is off, keep the value of ``base``. Other names
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
    """The parameters that are searched, and the fixed values of the others."""

    searched: tuple[Parameter, ...]
    fixed: Mapping[str, Value]

    @classmethod
    def over(cls, base: Config, narrowing: Mapping[str, Any] | None = None) -> "Space":
        """Make the search space for a base configuration.

        ``lambda_p`` is left out if ``base`` has no gradient penalty. Parameters of a term that is
        fixed to be off are left out, too.

        Args:
            base: Base configuration, whose values the parameters replace.
            narrowing: A value that fixes a parameter, or its range ``[low, high]``, by name.

        Raises:
            InputError: If a name is unknown, a value or range is invalid, or the parameter has no
                effect.
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
            given = narrowing.get(parameter.name)
            reason = _without_effect(parameter, base, fixed)
            if reason:
                if given is not None:
                    raise InputError(f"search space: {parameter.name} has no effect; {reason}")
                continue
            if parameter.needs in fixed:
                parameter = dataclasses.replace(parameter, needs="")
            if parameter.name == "d_max":
                high = min(parameter.high, base.generator.blocks)
                parameter = dataclasses.replace(parameter, high=high)
            if isinstance(given, list | tuple):
                searched.append(_ranged(parameter, given))
            elif given is not None:
                fixed[parameter.name] = parameter.checked(given, "search space")
            else:
                searched.append(parameter)
        if not searched:
            raise InputError("search space: every parameter is fixed; leave at least one open")
        return cls(tuple(searched), fixed)

    @property
    def can_use_features(self) -> bool:
        """Whether some point of the space needs the autoencoder."""
        return self.fixed.get("feature", True) is True

    @property
    def can_use_discriminator(self) -> bool:
        """Whether some point of the space has the adversarial term."""
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
        """Add the fixed values to those of the searched parameters, in the order of the space."""
        known = {**self.fixed, **values}
        return {
            name: known[name]
            for name, parameter in BY_NAME.items()
            if name in known and known.get(parameter.needs, True)
        }

    def paper(self) -> dict[str, Value]:
        """Return the paper's values of the searched parameters, even outside of their ranges."""
        return {parameter.name: parameter.paper for parameter in self.searched}

    def to_dict(self) -> dict[str, Any]:
        """Return the value or range of all parameters, in the form of ``narrowing``."""
        ranges = {
            p.name: "true or false" if p.is_switch else [p.low, p.high] for p in self.searched
        }
        return {name: (ranges | dict(self.fixed)).get(name) for name in BY_NAME}


def _without_effect(parameter: Parameter, base: Config, fixed: Mapping[str, Value]) -> str:
    if fixed.get(parameter.needs, True) is False:
        return f"{parameter.needs} is fixed to false"
    adversarial = base.adversarial
    if parameter.name == "lambda_p" and adversarial.objective != "wasserstein":
        return f"the base's objective is {adversarial.objective}"
    if parameter.name == "lambda_p" and adversarial.weight_clip is not None:
        return f"the base clips the critic's weights at {adversarial.weight_clip:g}"
    return ""


def _ranged(parameter: Parameter, bounds: Sequence[Any]) -> Parameter:
    if parameter.is_switch or len(bounds) != 2:
        kind = "true or false" if parameter.is_switch else "two numbers, low and high"
        raise InputError(
            f"search space: {parameter.name} is {json.dumps(list(bounds))}; expected {kind}"
        )
    low, high = (parameter.checked(value, "search space") for value in bounds)
    if not low < high:
        raise InputError(
            f"search space: {parameter.name} ranges from {low:g} to {high:g}; "
            "expected the lower number first"
        )
    return dataclasses.replace(parameter, low=low, high=high)


def read_narrowing(path: Path) -> dict[str, Any]:
    """Read a JSON object such as ``{"adversarial": false, "lambda_f": [1, 30], "d_max": 2}``.

    Raises:
        InputError: If the file is not a JSON object.
    """
    try:
        narrowing = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); see --help for an example") from error
    if not isinstance(narrowing, dict):
        raise InputError(f"{path} holds a {type(narrowing).__name__}; expected a JSON object")
    return narrowing


def parse_fix(text: str) -> tuple[str, Any]:
    """Parse ``"d_max=2"`` to ``("d_max", 2)``.

    Raises:
        InputError: If the text has another form.
    """
    name, _, value = text.partition("=")
    return name.strip(), _literal(value, f"--fix {text}", "NAME=VALUE, as in d_max=2")


def parse_range(text: str) -> tuple[str, list[Any]]:
    """Parse ``"lambda_f=1:30"`` to ``("lambda_f", [1, 30])``.

    Raises:
        InputError: If the text has another form.
    """
    name, _, value = text.partition("=")
    expected = "NAME=LOW:HIGH, as in lambda_f=1:30"
    return name.strip(), [_literal(v, f"--range {text}", expected) for v in value.split(":")]


def _literal(text: str, source: str, expected: str) -> Any:
    try:
        return json.loads(text.strip().lower())
    except ValueError as error:
        raise InputError(f"{source}: {text!r} is not a value; expected {expected}") from error
