"""What can be configured: one frozen dataclass for each thing, presets, and a JSON round trip."""

import dataclasses
import difflib
import json
import math
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin

from tfaudiogan.errors import InputError
from tfaudiogan.storage import write_text

SPECTRUM_WINDOW = 512
"""Samples below which a window has no spectrum as the frequency loss and LSD take it."""

OBJECTIVES = ("wasserstein", "saturating", "non_saturating")
PENALTIES = ("interpolates", "generated")
NORMALIZATIONS = ("layer", "batch", "none")
SCHEDULES = ("step", "cosine", "constant")
PRECISIONS = ("float32", "mixed_bfloat16", "auto")


def _check_range(
    section: Any,
    names: Iterable[str],
    least: float,
    most: float = math.inf,
    *,
    open_at_least: bool = False,
    open_at_most: bool = False,
) -> None:
    """Raise InputError for a field that is not a finite number between two bounds."""
    for name in names:
        value = getattr(section, name)
        above = value > least if open_at_least else value >= least
        below = value < most if open_at_most else value <= most
        if not (above and below and math.isfinite(value)):
            low = f"more than {least:g}" if open_at_least else f"{least:g} or more"
            high = ""
            if math.isfinite(most):
                high = f" and less than {most:g}" if open_at_most else f" and at most {most:g}"
            raise InputError(f"{name} is {value}; expected {low}{high}")


def _check_choice(section: Any, name: str, choices: Sequence[str]) -> None:
    value = getattr(section, name)
    if value not in choices:
        raise InputError(f"{name} is {value!r}; choose one of {', '.join(choices)}")


def _check_blocks(name: str, window: int, blocks: int) -> None:
    if window % 2**blocks:
        raise InputError(
            f"window is {window} samples; expected a multiple of {2**blocks} for the {blocks} "
            f"blocks of the {name}"
        )


def _check_network(network: Any) -> None:
    _check_range(network, ("blocks", "base_filters", "reduction"), 1)
    _check_range(network, ("d_max",), 0)
    # Each block halves the window and may double the filters; beyond, sizes do not fit anything.
    _check_range(network, ("blocks", "d_max"), 0, 30)
    if network.base_filters % 8:
        raise InputError(
            f"base_filters is {network.base_filters}; expected a multiple of 8, which the "
            "branches of an inception module share"
        )


@dataclass(frozen=True)
class LossWeights:
    """Weight of each term of the generator's loss; a term of weight 0 is not computed.

    Field names are the names in ``tfaudiogan.losses.TERMS``, and ``adversarial`` (equation 18).
    """

    time: float = 1.0
    frequency: float = 0.0
    feature: float = 0.0
    adversarial: float = 0.0
    log_ratio: float = 0.0
    multi_resolution: float = 0.0

    def __post_init__(self) -> None:
        _check_range(self, vars(self), 0)

    def active(self) -> dict[str, float]:
        """The terms whose weight is not zero."""
        return {name: weight for name, weight in dataclasses.asdict(self).items() if weight}


PAPER_WEIGHTS = LossWeights(
    time=1.0,
    frequency=10.0,
    feature=0.1,
    adversarial=1e-4,
    log_ratio=0.1,
    multi_resolution=0.1,
)
"""The weight a term gets when it is asked for by name.

The first four are the paper's (section V-B) and its reference implementation's.
"""


GENERATOR_KINDS = ("waveform", "spectral")
SUBPIXEL_ORDERS = ("interleaved",)


@dataclass(frozen=True)
class GeneratorConfig:
    """The generator: ``build_generator`` (section IV-F) or ``build_spectral_generator``.

    Attributes:
        kind: ``"waveform"``, a U-Net over samples, or ``"spectral"``, gains of a short-time
            spectrum.
        blocks, d_max, base_filters, reduction, dropout: of either.
        additive_skip: of the waveform generator; the spectral one starts as its input anyway.
        n_fft, bands, context: of the spectral generator.
        subpixel: ``"interleaved"``, the order in which the paper's code takes channels for
            samples, or ``None`` for the one that runs had before there was a choice.

    Raises:
        InputError: when a value is out of range, or does not go with the kind.
    """

    kind: str = "waveform"
    blocks: int = 8
    d_max: int = 4
    base_filters: int = 64
    reduction: int = 16
    dropout: float = 0.2
    additive_skip: bool = False
    n_fft: int = 2048
    bands: int = 256
    context: int = 256
    subpixel: str | None = "interleaved"

    def __post_init__(self) -> None:
        _check_choice(self, "kind", GENERATOR_KINDS)
        if self.subpixel is not None:
            _check_choice(self, "subpixel", SUBPIXEL_ORDERS)
        _check_network(self)
        _check_range(self, ("dropout",), 0, 1, open_at_most=True)
        _check_range(self, ("n_fft",), 16)
        _check_range(self, ("bands", "context"), 1)
        if self.n_fft & (self.n_fft - 1):
            raise InputError(f"n_fft is {self.n_fft}; expected a power of two")
        if self.kind == "spectral" and self.additive_skip:
            raise InputError(
                "additive_skip is true and kind is 'spectral', which starts as its input already; "
                "set additive_skip to false"
            )

    def check_window(self, window: int) -> None:
        """Raise InputError when the network cannot take windows of so many samples."""
        if self.kind == "waveform":
            _check_blocks("generator", window, self.blocks)
            return
        hop = self.n_fft // 2
        if window % hop or (window // hop + 1) % 2**self.blocks:
            raise InputError(
                f"window is {window} samples; expected {hop} times one less than a multiple of "
                f"{2**self.blocks} for the n_fft {self.n_fft} and the {self.blocks} blocks of the "
                "generator"
            )


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Section IV-G: the arguments of ``build_discriminator``."""

    blocks: int = 7
    d_max: int = 0
    base_filters: int = 64
    reduction: int = 16
    dense_units: int = 128
    normalization: str = "layer"

    def __post_init__(self) -> None:
        _check_network(self)
        _check_range(self, ("dense_units",), 1)
        _check_choice(self, "normalization", NORMALIZATIONS)

    def check_window(self, window: int) -> None:
        """Raise InputError when the network cannot take windows of so many samples."""
        _check_blocks("discriminator", window, self.blocks)


@dataclass(frozen=True)
class AutoencoderConfig:
    """Section IV-H: the arguments of ``build_autoencoder``."""

    blocks: int = 4
    d_max: int = 0
    base_filters: int = 64
    reduction: int = 4

    def __post_init__(self) -> None:
        _check_network(self)

    def check_window(self, window: int) -> None:
        """Raise InputError when the network cannot take windows of so many samples."""
        _check_blocks("autoencoder", window, self.blocks)


@dataclass(frozen=True)
class AdversarialConfig:
    """How generator and critic play (sections IV-A, IV-B and IV-I).

    ``objective`` is ``"wasserstein"``, ``"saturating"`` or ``"non_saturating"``. The critic's
    feedback joins the generator's loss from step ``coupling_step`` on. ``weight_clip`` replaces
    the gradient penalty where it is given. The penalty is the paper's unless ``relative_penalty``,
    which takes its gradient for windows of level 1 (``losses.relative_gradient``).
    """

    objective: str = "wasserstein"
    n_critic: int = 5
    gradient_penalty: float = 10.0
    penalty_at: str = "interpolates"
    relative_penalty: bool = False
    weight_clip: float | None = None
    coupling_step: int = 0

    def __post_init__(self) -> None:
        _check_choice(self, "objective", OBJECTIVES)
        _check_choice(self, "penalty_at", PENALTIES)
        _check_range(self, ("n_critic",), 1)
        _check_range(self, ("gradient_penalty", "coupling_step"), 0)
        if self.weight_clip is not None:
            _check_range(self, ("weight_clip",), 0, open_at_least=True)


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam's learning rates and their schedule.

    ``schedule`` is ``"step"`` (times ``decay_factor`` every ``decay_epochs`` epochs),
    ``"cosine"`` (to zero at the end of the run, after ``warmup_steps``) or ``"constant"``. ``ema``
    is the momentum of the moving average of the generator's weights that evaluation and export
    use; 0 is off. ``clip_norm`` bounds the global norm of a gradient; 0 is off.
    """

    learning_rate: float = 1e-3
    discriminator_learning_rate: float = 1e-3
    schedule: str = "step"
    decay_factor: float = 0.5
    decay_epochs: int = 30
    warmup_steps: int = 0
    ema: float = 0.0
    clip_norm: float = 0.0

    def __post_init__(self) -> None:
        _check_range(self, ("learning_rate", "discriminator_learning_rate", "clip_norm"), 0)
        _check_range(self, ("warmup_steps",), 0)
        _check_range(self, ("decay_factor",), 0, open_at_least=True)
        _check_range(self, ("decay_epochs",), 1)
        _check_range(self, ("ema",), 0, 1, open_at_most=True)
        _check_choice(self, "schedule", SCHEDULES)


@dataclass(frozen=True)
class TrainingConfig:
    """How long, how much at once, from which seed, in which numbers.

    ``precision`` is what networks compute in while they train: ``"float32"``;
    ``"mixed_bfloat16"``, with float32 weights, faster where the processor or GPU multiplies
    bfloat16; or ``"auto"``, which a run replaces by one of the two (``training.precision``).
    """

    epochs: int = 100
    steps_per_epoch: int = 100
    batch: int = 64
    seed: int = 0
    validation_windows: int = 1024
    precision: str = "float32"

    def __post_init__(self) -> None:
        _check_range(self, ("epochs", "steps_per_epoch", "batch", "validation_windows"), 1)
        _check_range(self, ("seed",), 0, 2**32 - 1)
        _check_choice(self, "precision", PRECISIONS)


@dataclass(frozen=True)
class Config:
    """Everything that makes a run, but the data."""

    preset: str = "paper"
    window: int = 8192
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    weights: LossWeights = field(default_factory=LossWeights)
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        _check_range(self, ("window",), 2)
        self.generator.check_window(self.window)
        if self.weights.adversarial:
            self.discriminator.check_window(self.window)
        if self.weights.feature:
            self.autoencoder.check_window(self.window)
        for term, least in (("frequency", SPECTRUM_WINDOW), ("multi_resolution", 256)):
            if getattr(self.weights, term) and self.window < least:
                raise InputError(
                    f"window is {self.window} samples; the loss term {term} needs {least} or more"
                )

    def to_json(self) -> str:
        """The configuration as indented JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    def save(self, path: Path | str) -> None:
        """Write the configuration as JSON."""
        write_text(path, self.to_json())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str = "configuration") -> "Config":
        """Build from nested mappings over the named preset; unknown names are an error.

        A configuration that was saved before there were kinds of generators describes the waveform
        generator, whichever kind its preset has by now; and one that was saved before there were
        orders of subpixel layers describes the order of that time.
        """
        if _predates_orders(values):
            values = {**values, "generator": {**values["generator"], "subpixel": None}}
        if _predates_kinds(values):
            values = {**values, "generator": {**values["generator"], "kind": "waveform"}}
            if values.get("preset") == "restoration":
                values["preset"] = "restoration-waveform"
        base = preset(values.get("preset", "paper"))
        return base.changed(values, source)

    def changed(self, values: Mapping[str, Any], source: str = "configuration") -> "Config":
        """A copy with the fields that nested mappings name; unknown names are an error.

        Raises:
            InputError: for a name, type or value that does not fit, or what does not fit together.
        """
        try:
            changed: Config = _merge(self, values, source)
            return changed
        except InputError as error:
            if str(error).startswith(source):
                raise
            raise InputError(f"{source}: {error}") from error

    def in_order(self, subpixel: str | None) -> "Config":
        """A copy whose generator's subpixel layers have this order: weights are made for one."""
        return dataclasses.replace(
            self, generator=dataclasses.replace(self.generator, subpixel=subpixel)
        )

    @classmethod
    def load(cls, path: Path | str) -> "Config":
        """Read what ``save`` wrote, or a file that gives only what differs from its preset."""
        return cls.from_dict(read_values(Path(path)), str(path))


def read_values(path: Path) -> dict[str, Any]:
    """What a configuration's JSON file says, nested as it is and not checked.

    Raises:
        InputError: when the file is not a JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}); write it with Config.save") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds a {type(values).__name__}; expected a JSON object")
    return values


SAVED_BEFORE_KINDS = {"blocks", "d_max", "base_filters", "reduction", "dropout", "additive_skip"}
SAVED_BEFORE_ORDERS = {*SAVED_BEFORE_KINDS, "kind", "n_fft", "bands", "context"}


def _predates_kinds(values: Mapping[str, Any]) -> bool:
    generator = values.get("generator")
    return isinstance(generator, Mapping) and set(generator) - {"subpixel"} == SAVED_BEFORE_KINDS


def _predates_orders(values: Mapping[str, Any]) -> bool:
    generator = values.get("generator")
    return isinstance(generator, Mapping) and set(generator) in (
        SAVED_BEFORE_KINDS,
        SAVED_BEFORE_ORDERS,
    )


def _merge(base: Any, values: Mapping[str, Any], source: str) -> Any:
    known = {f.name: f for f in dataclasses.fields(base)}
    changes = {}
    for name, value in values.items():
        if name not in known:
            raise InputError(f"{source}: unknown name {name!r}; known: {', '.join(known)}")
        current = getattr(base, name)
        if dataclasses.is_dataclass(current):
            if not isinstance(value, Mapping):
                raise InputError(f"{source}: {name} is {value!r}; expected an object")
            changes[name] = _merge(current, value, f"{source}: {name}")
        else:
            changes[name] = _checked(value, known[name].type, f"{source}: {name}")
    try:
        return dataclasses.replace(base, **changes)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def _checked(value: Any, kind: Any, source: str) -> Any:
    kinds = get_args(kind) if get_origin(kind) is types.UnionType else (kind,)
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError as error:
            raise InputError(f"{source} is too large; expected a smaller number") from error
    if (isinstance(value, bool) and bool not in kinds) or not isinstance(value, kinds):
        names = " or ".join(k.__name__ for k in kinds)
        raise InputError(f"{source} is {value!r}; expected {names}")
    return value


def fields() -> dict[str, Any]:
    """The type of every field that can be set, by its dotted name, as in ``adversarial.n_critic``.

    The name of the preset is none of them.
    """
    found: dict[str, Any] = {}
    default = Config()
    for one in dataclasses.fields(default):
        section = getattr(default, one.name)
        if dataclasses.is_dataclass(section):
            found |= {f"{one.name}.{f.name}": f.type for f in dataclasses.fields(section)}
        elif one.name != "preset":
            found[one.name] = one.type
    return found


def parse_setting(text: str) -> tuple[str, Any]:
    """``("adversarial.n_critic", 3)`` from ``"adversarial.n_critic=3"``, typed as the field is.

    Raises:
        InputError: for an unknown field or a value of another type.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        raise InputError(f"--set {text!r}; expected FIELD=VALUE, as in adversarial.n_critic=3")
    known = fields()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1) or [
            one for one in known if one.rpartition(".")[2] == name.rpartition(".")[2]
        ]
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
        raise InputError(f"--set {text}: unknown field {name!r}; {hint}")
    kind = known[name]
    kinds = get_args(kind) if get_origin(kind) is types.UnionType else (kind,)
    try:
        return name, _parsed(value, kinds)
    except ValueError as error:
        names = " or ".join("none" if k is types.NoneType else k.__name__ for k in kinds)
        raise InputError(f"--set {text}: {name} is {value!r}; expected {names}") from error


def _parsed(text: str, kinds: Sequence[type]) -> Any:
    if types.NoneType in kinds and text.lower() in ("none", "null"):
        return None
    if bool in kinds:
        if text.lower() not in ("true", "false"):
            raise ValueError(text)
        return text.lower() == "true"
    return next(kind for kind in (int, float, str) if kind in kinds)(text)


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted names as nested mappings: ``{"generator.d_max": 2}`` and the like."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        section, _, leaf = name.rpartition(".")
        (found.setdefault(section, {}) if section else found)[leaf] = value
    return found


PRESETS: dict[str, Config] = {
    "paper": Config(),
    "modern": Config(
        preset="modern",
        weights=LossWeights(time=0.0, log_ratio=0.1, multi_resolution=0.1),
        optimizer=OptimizerConfig(schedule="cosine", warmup_steps=100, ema=0.99),
    ),
    "mobile": Config(
        preset="mobile",
        window=4096,
        generator=GeneratorConfig(blocks=6, d_max=1, base_filters=32, reduction=4, dropout=0.0),
        discriminator=DiscriminatorConfig(blocks=6, base_filters=32),
        weights=LossWeights(time=0.0, log_ratio=0.1, multi_resolution=0.1),
        optimizer=OptimizerConfig(schedule="cosine", warmup_steps=100, ema=0.99),
        training=TrainingConfig(epochs=40, batch=32),
    ),
    "restoration": Config(
        preset="restoration",
        window=261_120,
        generator=GeneratorConfig(
            kind="spectral", blocks=4, d_max=1, base_filters=128, reduction=4, dropout=0.0
        ),
        # Layer normalization would have 16 million weights for windows as long as these.
        discriminator=DiscriminatorConfig(blocks=10, base_filters=16, normalization="none"),
        weights=LossWeights(time=0.0, log_ratio=0.1, multi_resolution=0.1),
        optimizer=OptimizerConfig(
            learning_rate=2e-3, schedule="cosine", warmup_steps=100, ema=0.998, clip_norm=1.0
        ),
        training=TrainingConfig(epochs=60, batch=16),
    ),
    "restoration-waveform": Config(
        preset="restoration-waveform",
        window=16384,
        generator=GeneratorConfig(blocks=9, d_max=4, base_filters=16, reduction=4, dropout=0.0),
        discriminator=DiscriminatorConfig(blocks=8, base_filters=16),
        weights=LossWeights(time=0.0, log_ratio=0.1, multi_resolution=0.1),
        optimizer=OptimizerConfig(schedule="cosine", warmup_steps=100, ema=0.999),
        training=TrainingConfig(epochs=60, batch=8),
    ),
    "demo": Config(
        preset="demo",
        window=2048,
        generator=GeneratorConfig(blocks=6, d_max=1, base_filters=32, reduction=4, dropout=0.0),
        discriminator=DiscriminatorConfig(blocks=5, base_filters=32),
        weights=LossWeights(time=0.0, log_ratio=0.1),
        optimizer=OptimizerConfig(schedule="cosine", warmup_steps=20),
        training=TrainingConfig(epochs=8, batch=32, validation_windows=256),
    ),
}


def preset(name: str) -> Config:
    """The preset of that name.

    Raises:
        InputError: when there is none.
    """
    if not isinstance(name, str) or name not in PRESETS:
        raise InputError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def parse_loss(expression: str) -> LossWeights:
    """Weights from ``"time+frequency"`` or ``"time=1+frequency=2.5"``.

    A term without a number gets its weight in ``PAPER_WEIGHTS``; terms not named get 0.
    """
    weights = dict.fromkeys(dataclasses.asdict(PAPER_WEIGHTS), 0.0)
    for part in expression.split("+"):
        name, _, number = part.strip().partition("=")
        name = name.strip().replace("-", "_")
        if name not in weights:
            raise InputError(
                f"unknown loss term {name!r} in {expression!r}; choose from {', '.join(weights)}"
            )
        try:
            weights[name] = float(number) if number else getattr(PAPER_WEIGHTS, name)
        except ValueError as error:
            raise InputError(f"weight {number!r} of loss term {name!r} is not a number") from error
        if not 0 <= weights[name] < float("inf"):
            raise InputError(f"weight {number} of loss term {name!r}; expected 0 or more")
    return LossWeights(**weights)
