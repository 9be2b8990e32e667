"""The commands. TensorFlow is imported only inside those that need it."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from tfaudiogan._version import __version__
from tfaudiogan.commands import corpora, models, training
from tfaudiogan.errors import InputError
from tfaudiogan.progress import console

app = typer.Typer(
    help="Turn one sound into another: render pairs, train, evaluate, enhance, export.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

for group in (corpora, training, models):
    app.registered_commands += group.app.registered_commands
app.add_typer(training.experiments, name="experiment")


def _show_version(value: bool) -> None:
    if value:
        print(f"tfaudiogan {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Options of every command; [b]--debug[/b] anywhere shows where an error comes from."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 on success, 2 for bad usage or input, 1 for anything else."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        app(arguments, prog_name="tfaudiogan")
    except Exception as error:
        if debug:
            raise
        status, message = _explain(error)
        console.print(f"[red]error:[/] {message}", soft_wrap=True, markup=True)
        sys.exit(status)


def _explain(error: Exception) -> tuple[int, str]:
    from rich.markup import escape

    text = escape(" ".join(str(error).split()))
    if isinstance(error, InputError):
        return 2, text
    if isinstance(error, OSError):
        return 2, text
    if type(error).__name__ == "Interrupted":
        return 130, text
    if type(error).__name__ == "Diverged":
        return 1, text
    return 1, f"{type(error).__name__}: {text[:300]} (--debug shows where)"
