"""The command line. TensorFlow is imported only inside the commands that need it."""

from collections.abc import Sequence
from typing import Annotated

import typer

from tfaudiogan._version import __version__
from tfaudiogan.commands import corpora, enhancing, listening, models, training, web
from tfaudiogan.commands.running import run

app = typer.Typer(
    help="Learn to turn one sound into another: render pairs, train, evaluate, enhance, export.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Tables of options are cut off in narrow terminals; lines are not.
    rich_markup_mode=None,
)

for group in (enhancing, listening, corpora, training, models, web):
    app.registered_commands += group.app.registered_commands
app.add_typer(training.experiments, name="experiment")


def _show_version(value: bool) -> None:
    if value:
        print(f"tfaudiogan {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """With --debug, every command prints the traceback of an error."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with the status of ``commands.running.run``."""
    run(app, "tfaudiogan", arguments)
