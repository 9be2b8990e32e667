"""Options that mean the same in every command."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from tfaudiogan import config as configuration

# Not a Path, which would make s3:/ of s3://.
Data = Annotated[str, typer.Option(help="Folder or URL of a corpus.", show_default=False)]
Seed = Annotated[int, typer.Option(help="Of everything random.")]
Jobs = Annotated[int | None, typer.Option(help="Processes; one for each core unless given.", min=1)]
Rate = Annotated[int, typer.Option("--sample-rate", help="Of the corpus, in hertz.")]


def configure(
    preset: str,
    config: Path | None,
    loss: str | None,
    sections: dict[str, dict[str, Any]],
    window: int | None = None,
) -> configuration.Config:
    """The preset or file, with what the command line gives in its place."""
    base = configuration.Config.load(config) if config else configuration.preset(preset)
    changes: dict[str, Any] = {}
    if window is not None:
        changes["window"] = window
    if loss is not None:
        changes["weights"] = configuration.parse_loss(loss)
    for section, values in sections.items():
        given = {name: value for name, value in values.items() if value is not None}
        if given:
            changes[section] = dataclasses.replace(getattr(base, section), **given)
    return dataclasses.replace(base, **changes)
