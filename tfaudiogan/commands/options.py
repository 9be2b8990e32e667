"""Options that several commands share."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tfaudiogan import config as configuration
from tfaudiogan.errors import InputError

# A Path would turn s3:// into s3:/.
Data = Annotated[str, typer.Option(help="Folder or URL of a corpus.", show_default=False)]
Seed = Annotated[int, typer.Option(help="Random seed.", min=0)]
ConfigFile = Annotated[
    Path | None,
    typer.Option(help="JSON file with a configuration or its differences from a preset."),
]
Batch = Annotated[int | None, typer.Option(help="Number of windows in an update.", min=1)]
Window = Annotated[int | None, typer.Option(help="Number of samples in a window.", min=2)]
ConfigSeed = Annotated[
    int | None, typer.Option(help="Random seed; the configuration's by default.", min=0)
]
Model = Annotated[str, typer.Option(help="Name of a released model or path of a model.")]
Jobs = Annotated[
    int | None, typer.Option(help="Number of processes; one for each CPU core by default.", min=1)
]
Rate = Annotated[int, typer.Option("--sample-rate", help="Sample rate of the corpus in hertz.")]
Precision = Annotated[
    str | None,
    typer.Option(
        help="Precision of the networks: float32 (default), mixed_bfloat16, or auto, which is "
        "mixed_bfloat16 if the CPU or GPU supports it in hardware."
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Set any field of the configuration, such as adversarial.n_critic=3 or window=4096. "
        "A run's config.json lists all fields. Repeatable.",
    ),
]
OverwriteCorpus = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace pairs in --out that have other settings or sources."),
]


def examples(*commands: str) -> str:
    """Format the examples at the end of a command's help, each wrapped like shell input."""
    wrapped = (
        textwrap.wrap(command, 74, break_long_words=False, break_on_hyphens=False)
        for command in commands
    )
    lines = [" \\\n      ".join(lines) for lines in wrapped]
    # Click leaves the lines of a paragraph that starts with \\b as they are.
    return "\n  ".join(["\b\nExamples:" if len(lines) > 1 else "\b\nExample:", *lines])


def configuration_values(
    preset: str | None,
    config: Path | None,
    loss: str | None,
    options: Mapping[str, Any],
    settings: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Collect the values of the configuration that the command line and its file set.

    Args:
        preset: Name of the preset.
        config: JSON file with a whole configuration or its differences from the preset.
        loss: Expression of the loss terms.
        options: Values by the dotted name of their field. ``None`` means not given.
        settings: Expressions such as ``"adversarial.n_critic=3"``, which override all others.

    Returns:
        Values nested as in a configuration's JSON file.

    Raises:
        InputError: If a value is invalid, or the file and the preset contradict each other.
    """
    values: dict[str, Any] = {} if preset is None else {"preset": preset}
    if config is not None:
        file = configuration.read_values(config)
        file_preset = file.get("preset", preset)
        if preset is not None and file_preset != preset:
            raise InputError(
                f"--preset is {preset!r} and {config} has the preset {file_preset!r}; "
                "give only one of them"
            )
        values = {**values, **file}
        configuration.Config.from_dict(values, str(config))
    given = {name: value for name, value in options.items() if value is not None}
    given |= map(configuration.parse_setting, settings or ())
    if loss is not None:
        weights = vars(configuration.parse_loss(loss))
        given = {f"weights.{name}": value for name, value in weights.items()} | given
    for name, value in configuration.nested(given).items():
        section = values.get(name)
        values[name] = {**(section or {}), **value} if isinstance(value, dict) else value
    return values


def configure(values: Mapping[str, Any], preset: str = "paper") -> configuration.Config:
    """Make a configuration of ``configuration_values``; ``preset`` applies if they have none."""
    return configuration.Config.from_dict({"preset": preset, **values})
