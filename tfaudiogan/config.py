"""What can be configured: one frozen dataclass for each thing, presets, and a JSON round trip."""

import dataclasses
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin

from tfaudiogan.errors import InputError
from tfaudiogan.storage import write_text


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


@dataclass(frozen=True)
class GeneratorConfig:
    """The generator: ``build_generator`` (section IV-F) or ``build_spectral_generator``.

    Attributes:
        kind: ``"waveform"``, a U-Net over samples, or ``"spectral"``, gains of a short-time
            spectrum.
        blocks, d_max, base_filters, reduction, dropout: of either.
        additive_skip: of the waveform generator; the spectral one starts as its input anyway.
        n_fft, bands, context: of the spectral generator.

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

    def __post_init__(self) -> None:
        if self.kind not in GENERATOR_KINDS:
            raise InputError(
                f"generator: kind is {self.kind!r}; choose one of {', '.join(GENERATOR_KINDS)}"
            )
        for name, least in (
            ("blocks", 1),
            ("d_max", 0),
            ("base_filters", 1),
            ("reduction", 1),
            ("n_fft", 16),
            ("bands", 1),
            ("context", 1),
        ):
            value = getattr(self, name)
            if value < least:
                raise InputError(f"generator: {name} is {value}; expected {least} or more")
        if not 0 <= self.dropout < 1:
            raise InputError(
                f"generator: dropout is {self.dropout:g}; expected at least 0 and less than 1"
            )
        if self.n_fft & (self.n_fft - 1):
            raise InputError(f"generator: n_fft is {self.n_fft}; expected a power of two")
        if self.kind == "spectral" and self.additive_skip:
            raise InputError(
                "generator: additive_skip is true and kind is 'spectral', which starts as its "
                "input already; set additive_skip to false"
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


@dataclass(frozen=True)
class AutoencoderConfig:
    """Section IV-H: the arguments of ``build_autoencoder``."""

    blocks: int = 4
    d_max: int = 0
    base_filters: int = 64
    reduction: int = 4


@dataclass(frozen=True)
class AdversarialConfig:
    """How generator and critic play (sections IV-A, IV-B and IV-I).

    ``objective`` is ``"wasserstein"``, ``"saturating"`` or ``"non_saturating"``. The critic's
    feedback joins the generator's loss from step ``coupling_step`` on. ``weight_clip`` replaces
    the gradient penalty where it is given; ``relative_penalty`` takes the penalty's gradient for
    windows of level 1 (``losses.relative_gradient``).
    """

    objective: str = "wasserstein"
    n_critic: int = 5
    gradient_penalty: float = 10.0
    penalty_at: str = "interpolates"
    relative_penalty: bool = True
    weight_clip: float | None = None
    coupling_step: int = 0


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


@dataclass(frozen=True)
class TrainingConfig:
    """How long, how much at once, from which seed."""

    epochs: int = 100
    steps_per_epoch: int = 100
    batch: int = 64
    seed: int = 0
    validation_windows: int = 1024


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
        generator, whichever kind its preset has by now.
        """
        if _predates_kinds(values):
            values = {**values, "generator": {**values["generator"], "kind": "waveform"}}
            if values.get("preset") == "restoration":
                values["preset"] = "restoration-waveform"
        base = preset(values.get("preset", "paper"))
        return _merge(base, values, source)

    @classmethod
    def load(cls, path: Path | str) -> "Config":
        """Read what ``save`` wrote, or a file that gives only what differs from its preset."""
        path = Path(path)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path} is not JSON ({error}); write it with Config.save") from error
        if not isinstance(values, dict):
            raise InputError(f"{path} holds a {type(values).__name__}; expected a JSON object")
        return cls.from_dict(values, str(path))


SAVED_BEFORE_KINDS = {"blocks", "d_max", "base_filters", "reduction", "dropout", "additive_skip"}


def _predates_kinds(values: Mapping[str, Any]) -> bool:
    generator = values.get("generator")
    return isinstance(generator, Mapping) and set(generator) == SAVED_BEFORE_KINDS


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
    return dataclasses.replace(base, **changes)


def _checked(value: Any, kind: Any, source: str) -> Any:
    kinds = get_args(kind) if get_origin(kind) is types.UnionType else (kind,)
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if (isinstance(value, bool) and bool not in kinds) or not isinstance(value, kinds):
        names = " or ".join(k.__name__ for k in kinds)
        raise InputError(f"{source} is {value!r}; expected {names}")
    return value


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
    if name not in PRESETS:
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
