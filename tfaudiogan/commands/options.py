"""Options that mean the same in every command."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tfaudiogan import config as configuration
from tfaudiogan.errors import InputError

# Not a Path, which would make s3:/ of s3://.
Data = Annotated[str, typer.Option(help="Folder or URL of a corpus.", show_default=False)]
Seed = Annotated[int, typer.Option(help="Random seed.")]
Jobs = Annotated[int | None, typer.Option(help="Processes; one for each core unless given.", min=1)]
Rate = Annotated[int, typer.Option("--sample-rate", help="Sample rate of the corpus, in hertz.")]
Precision = Annotated[
    str | None,
    typer.Option(
        help="What networks compute in: float32, mixed_bfloat16, or auto, which takes "
        "mixed_bfloat16 where the processor or GPU is made for it. float32 unless given."
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Any field of the configuration, as in adversarial.n_critic=3 or window=4096; "
        "config.json of a run names them all. Repeatable.",
    ),
]
OverwriteCorpus = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace what --out holds of other settings or other sources."
    ),
]


def asked(
    preset: str | None,
    config: Path | None,
    loss: str | None,
    options: Mapping[str, Any],
    settings: Sequence[str] | None = None,
) -> dict[str, Any]:
    """All that the command line, and the file that it names, say of the configuration.

    Args:
        preset: its name, where one is given.
        config: JSON file, whole or its differences from the preset.
        loss: expression of the terms.
        options: values by the dotted name of their field; ``None`` is not given.
        settings: expressions such as ``"adversarial.n_critic=3"``, which come last.

    Returns:
        Values nested as in a configuration's file.

    Raises:
        InputError: when something is not what it should be, or file and preset contradict.
    """
    values: dict[str, Any] = {} if preset is None else {"preset": preset}
    if config is not None:
        file = configuration.read_values(config)
        named = file.get("preset", preset)
        if preset is not None and named != preset:
            raise InputError(
                f"--preset is {preset!r} and {config} is of preset {named!r}; give one of them"
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
    """The configuration that ``asked`` came to, over a preset unless it names one itself."""
    return configuration.Config.from_dict({"preset": preset, **values})
