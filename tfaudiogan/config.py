"""The configuration as frozen dataclasses, with presets and JSON files."""

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
"""Smallest window, in samples, for the spectra of the frequency loss and LSD."""

OBJECTIVES = ("wasserstein", "saturating", "non_saturating")
PENALTIES = ("interpolates", "generated")
NORMALIZATIONS = ("layer", "batch", "none")
SCHEDULES = ("step", "cosine", "constant")
PRECISIONS = ("float32", "mixed_bfloat16", "auto")


def _check_range(
    section: Any,
    names: Iterable[str],
    low: float,
    high: float = math.inf,
    *,
    low_excluded: bool = False,
    high_excluded: bool = False,
) -> None:
    """Raise InputError if a field is not a finite number between two bounds."""
    for name in names:
        value = getattr(section, name)
        above = value > low if low_excluded else value >= low
        below = value < high if high_excluded else value <= high
        if not (above and below and math.isfinite(value)):
            expected = f"more than {low:g}" if low_excluded else f"{low:g} or more"
            if math.isfinite(high):
                expected += (
                    f" and less than {high:g}" if high_excluded else f" and at most {high:g}"
                )
            raise InputError(f"{name} is {value}; expected {expected}")


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
    # Each block halves the window and may double the filters. Larger values cannot fit.
    _check_range(network, ("blocks", "d_max"), 0, 30)
    if network.base_filters % 8:
        raise InputError(
            f"base_filters is {network.base_filters}; expected a multiple of 8, as the branches of "
            "an inception module share the filters"
        )


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of the generator's loss. Terms of weight 0 are not computed.

    The fields are the names in ``tfaudiogan.losses.TERMS`` and ``adversarial`` (equation 18).
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
        """Return the terms whose weight is not zero."""
        return {name: weight for name, weight in dataclasses.asdict(self).items() if weight}


PAPER_WEIGHTS = LossWeights(
    time=1.0,
    frequency=10.0,
    feature=0.1,
    adversarial=1e-4,
    log_ratio=0.1,
    multi_resolution=0.1,
)
"""The default weight of a term in ``parse_loss``.

The first four are those of the paper (section V-B) and its reference implementation.
"""


GENERATOR_KINDS = ("waveform", "spectral")
SUBPIXEL_ORDERS = ("interleaved",)


@dataclass(frozen=True)
class GeneratorConfig:
    """Arguments of ``build_generator`` (section IV-F) or ``build_spectral_generator``.

    Attributes:
        kind: ``"waveform"`` for a U-Net on samples, or ``"spectral"`` for a network that returns
            the gains of a short-time spectrum.
        blocks, d_max, base_filters, reduction, dropout: Arguments of both kinds.
        additive_skip: Argument of the waveform generator. The spectral one begins as the identity
            in any case.
        n_fft, bands, context, replication, fine_n_fft: Arguments of the spectral generator.
        subpixel: Order of the subpixel layers: ``"interleaved"`` as in the paper's code, or
            ``None`` for the order of runs from before there was a choice.

    Raises:
        InputError: If a value is out of range or does not fit the kind.
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
    replication: int | None = None
    fine_n_fft: int | None = None

    def __post_init__(self) -> None:
        _check_choice(self, "kind", GENERATOR_KINDS)
        if self.subpixel is not None:
            _check_choice(self, "subpixel", SUBPIXEL_ORDERS)
        _check_network(self)
        _check_range(self, ("dropout",), 0, 1, high_excluded=True)
        _check_range(self, ("n_fft",), 16)
        _check_range(self, ("bands", "context"), 1)
        if self.n_fft & (self.n_fft - 1):
            raise InputError(f"n_fft is {self.n_fft}; expected a power of two")
        if self.replication is not None:
            hop = self.n_fft // 2
            if not 0 < self.replication <= hop or self.replication % 4:
                raise InputError(
                    f"replication is {self.replication}; expected a multiple of 4 from 4 to {hop}, "
                    "or none"
                )
        if self.fine_n_fft is not None and (
            self.fine_n_fft <= self.n_fft or self.fine_n_fft & (self.fine_n_fft - 1)
        ):
            raise InputError(
                f"fine_n_fft is {self.fine_n_fft}; expected a power of two above {self.n_fft}, "
                "or none"
            )
        if self.kind == "spectral" and self.additive_skip:
            raise InputError(
                "additive_skip is true and kind is 'spectral', which begins as the identity in any "
                "case; set additive_skip to false"
            )

    def check_window(self, window: int) -> None:
        """Raise InputError if the network cannot take windows of this length."""
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
    """Arguments of ``build_discriminator`` (section IV-G)."""

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
        """Raise InputError if the network cannot take windows of this length."""
        _check_blocks("discriminator", window, self.blocks)


@dataclass(frozen=True)
class AutoencoderConfig:
    """Arguments of ``build_autoencoder`` (section IV-H)."""

    blocks: int = 4
    d_max: int = 0
    base_filters: int = 64
    reduction: int = 4

    def __post_init__(self) -> None:
        _check_network(self)

    def check_window(self, window: int) -> None:
        """Raise InputError if the network cannot take windows of this length."""
        _check_blocks("autoencoder", window, self.blocks)


@dataclass(frozen=True)
class AdversarialConfig:
    """Adversarial training of generator and critic (sections IV-A, IV-B and IV-I).

    ``objective`` is ``"wasserstein"``, ``"saturating"`` or ``"non_saturating"``. The adversarial
    term joins the generator's loss at step ``coupling_step``. ``weight_clip`` replaces the gradient
    penalty if it is given. The default penalty is that of the paper; with ``relative_penalty`` its
    gradient is scaled as for windows of level 1 (``losses.relative_gradient``).
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
            _check_range(self, ("weight_clip",), 0, low_excluded=True)


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam's learning rates and their schedule.

    ``schedule`` is ``"step"`` (times ``decay_factor`` every ``decay_epochs`` epochs),
    ``"cosine"`` (to zero at the end of the run, after ``warmup_steps``) or ``"constant"``. ``ema``
    is the momentum of the moving average of the generator's weights, which evaluation and export
    use; 0 turns it off. ``clip_norm`` bounds the global norm of a gradient; 0 turns it off.
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
        _check_range(self, ("decay_factor",), 0, low_excluded=True)
        _check_range(self, ("decay_epochs",), 1)
        _check_range(self, ("ema",), 0, 1, high_excluded=True)
        _check_choice(self, "schedule", SCHEDULES)


@dataclass(frozen=True)
class TrainingConfig:
    """Length, batch size, seed and precision of the training.

    ``precision`` is the precision that networks compute in: ``"float32"``; ``"mixed_bfloat16"``,
    with float32 weights, which is faster if the CPU or GPU multiplies bfloat16; or ``"auto"``,
    which a run replaces by one of the two (``training.precision``).
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
    """The whole configuration of a run, except the data."""

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
        for term, smallest in (("frequency", SPECTRUM_WINDOW), ("multi_resolution", 256)):
            if getattr(self.weights, term) and self.window < smallest:
                raise InputError(
                    f"window is {self.window} samples; the loss term {term} needs "
                    f"{smallest} or more"
                )

    def to_json(self) -> str:
        """Return the configuration as indented JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    def save(self, path: Path | str) -> None:
        """Write the configuration as JSON."""
        write_text(path, self.to_json())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str = "configuration") -> "Config":
        """Build a configuration from nested mappings that change its preset.

        A configuration that was saved before there were several kinds of generators has the
        waveform generator, even if its preset has another kind now. One that was saved before there
        were several orders of subpixel layers has the order of that time, and one that was saved
        before spectral generators had copies or a correction has none.

        Raises:
            InputError: If a name is unknown, or a value has the wrong type or is out of range.
        """
        if _predates_orders(values):
            values = {**values, "generator": {**values["generator"], "subpixel": None}}
        if _predates_kinds(values):
            values = {**values, "generator": {**values["generator"], "kind": "waveform"}}
            if values.get("preset") == "restoration":
                values["preset"] = "restoration-waveform"
        if _is_complete(values):
            none = {"replication": None, "fine_n_fft": None}
            values = {**values, "generator": {**none, **values["generator"]}}
        base = preset(values.get("preset", "paper"))
        return base.changed(values, source)

    def changed(self, values: Mapping[str, Any], source: str = "configuration") -> "Config":
        """Return a copy with the values of nested mappings.

        Raises:
            InputError: If a name is unknown, or a value has the wrong type or is out of range.
        """
        try:
            config: Config = _merge(self, values, source)
            return config
        except InputError as error:
            if str(error).startswith(source):
                raise
            raise InputError(f"{source}: {error}") from error

    def in_order(self, subpixel: str | None) -> "Config":
        """Return a copy with an order of the subpixel layers, which weights depend on."""
        return dataclasses.replace(
            self, generator=dataclasses.replace(self.generator, subpixel=subpixel)
        )

    @classmethod
    def load(cls, path: Path | str) -> "Config":
        """Load a file that ``save`` wrote, or one that has only the differences from its preset."""
        return cls.from_dict(read_values(Path(path)), str(path))


def read_values(path: Path) -> dict[str, Any]:
    """Read the nested values of a configuration's JSON file without checking them.

    Raises:
        InputError: If the file is not a JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}); write it with Config.save") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds a {type(values).__name__}; expected a JSON object")
    return values


FIELDS_BEFORE_KINDS = {"blocks", "d_max", "base_filters", "reduction", "dropout", "additive_skip"}
FIELDS_BEFORE_ORDERS = {*FIELDS_BEFORE_KINDS, "kind", "n_fft", "bands", "context"}


def _predates_kinds(values: Mapping[str, Any]) -> bool:
    generator = values.get("generator")
    return isinstance(generator, Mapping) and set(generator) - {"subpixel"} == FIELDS_BEFORE_KINDS


def _predates_orders(values: Mapping[str, Any]) -> bool:
    generator = values.get("generator")
    return isinstance(generator, Mapping) and set(generator) in (
        FIELDS_BEFORE_KINDS,
        FIELDS_BEFORE_ORDERS,
    )


def _is_complete(values: Mapping[str, Any]) -> bool:
    """Whether a generator has every field that all saved spectral generators have."""
    generator = values.get("generator")
    return isinstance(generator, Mapping) and set(generator) >= FIELDS_BEFORE_ORDERS


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
    """Return the type of every field except ``preset``, by names as ``adversarial.n_critic``."""
    kinds: dict[str, Any] = {}
    default = Config()
    for outer in dataclasses.fields(default):
        section = getattr(default, outer.name)
        if dataclasses.is_dataclass(section):
            kinds |= {f"{outer.name}.{f.name}": f.type for f in dataclasses.fields(section)}
        elif outer.name != "preset":
            kinds[outer.name] = outer.type
    return kinds


def parse_setting(text: str) -> tuple[str, Any]:
    """Parse ``"adversarial.n_critic=3"`` to ``("adversarial.n_critic", 3)``.

    Raises:
        InputError: If the field is unknown or the value has another type.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        raise InputError(f"--set is {text!r}; expected FIELD=VALUE, such as adversarial.n_critic=3")
    known = fields()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1) or [
            field for field in known if field.rpartition(".")[2] == name.rpartition(".")[2]
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
    """Nest values by dotted names: ``{"a.b": 2}`` becomes ``{"a": {"b": 2}}``."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        section, _, leaf = name.rpartition(".")
        (result.setdefault(section, {}) if section else result)[leaf] = value
    return result


_RESTORATION = Config(
    preset="restoration",
    window=261_120,
    generator=GeneratorConfig(
        kind="spectral",
        blocks=4,
        d_max=1,
        base_filters=128,
        reduction=4,
        dropout=0.0,
        replication=160,
        fine_n_fft=16_384,
    ),
    # With windows of this length, layer normalization would have 16 million weights.
    discriminator=DiscriminatorConfig(blocks=10, base_filters=16, normalization="none"),
    weights=LossWeights(time=0.0, log_ratio=0.1, multi_resolution=0.1),
    optimizer=OptimizerConfig(
        learning_rate=2e-3, schedule="cosine", warmup_steps=100, ema=0.998, clip_norm=1.0
    ),
    training=TrainingConfig(epochs=60, batch=16),
)

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
    "piano": Config(
        preset="piano",
        window=32_768,
        generator=GeneratorConfig(blocks=9, d_max=4, base_filters=24, reduction=8, dropout=0.0),
        weights=LossWeights(time=0.0, log_ratio=0.1, multi_resolution=0.1),
        optimizer=OptimizerConfig(
            learning_rate=1.5e-3, schedule="cosine", warmup_steps=100, ema=0.99, clip_norm=1.0
        ),
        training=TrainingConfig(epochs=30, batch=8, validation_windows=96),
    ),
    "restoration": _RESTORATION,
    "superres": dataclasses.replace(
        _RESTORATION,
        preset="superres",
        window=65_024,
        # `train` chooses the replicated bins by the corpus's ratio.
        generator=dataclasses.replace(
            _RESTORATION.generator, n_fft=1024, replication=None, fine_n_fft=None
        ),
        # The ratio counts more than elsewhere, since the input's SNR is high already.
        weights=dataclasses.replace(_RESTORATION.weights, log_ratio=1.0),
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
        weights=LossWeights(time=0.0, log_ratio=0.1, multi_resolution=0.1),
        optimizer=OptimizerConfig(schedule="cosine", warmup_steps=20, ema=0.99),
        training=TrainingConfig(epochs=8, batch=32, validation_windows=256),
    ),
}


def preset(name: str) -> Config:
    """Return a preset by its name.

    Raises:
        InputError: If there is no such preset.
    """
    if not isinstance(name, str) or name not in PRESETS:
        raise InputError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def parse_loss(expression: str) -> LossWeights:
    """Parse loss weights from ``"time+frequency"`` or ``"time=1+frequency=2.5"``.

    A term without a number has its weight in ``PAPER_WEIGHTS``. Other terms have the weight 0.

    Raises:
        InputError: If a term is unknown or its weight is not a number of 0 or more.
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
            raise InputError(
                f"weight of loss term {name!r} is {number!r}; expected a number"
            ) from error
        if not 0 <= weights[name] < float("inf"):
            raise InputError(f"weight of loss term {name!r} is {number}; expected 0 or more")
    return LossWeights(**weights)
