"""How every command ends: with a status, and an error in one line."""

import os
import sys
from collections.abc import Sequence

import typer

from tfaudiogan.errors import InputError
from tfaudiogan.progress import console
from tfaudiogan.quiet import quiet_imports


def run(app: typer.Typer, name: str, arguments: Sequence[str] | None = None) -> None:
    """Run an application and exit.

    The status is 0 on success, 2 for bad usage or input, 130 where a run was interrupted and has
    saved its state, and 1 for anything else. ``--debug`` anywhere raises errors as they are.

    Args:
        app: the commands.
        name: of the program, for its help.
        arguments: of the command line, without the program; those of this process unless given.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    quiet_imports()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    try:
        app([argument for argument in arguments if argument != "--debug"], prog_name=name)
    except Exception as error:
        if debug:
            raise
        status, message = _explain(error)
        console.print("[red]error:[/]", end=" ")
        console.print(message, soft_wrap=True, markup=False)
        sys.exit(status)


def _explain(error: Exception) -> tuple[int, str]:
    text = " ".join(str(error).split())
    if isinstance(error, InputError | OSError):
        return 2, text
    # By name: their module would bring TensorFlow into every command.
    known = {"Interrupted": 130, "Diverged": 1}
    if type(error).__name__ in known:
        return known[type(error).__name__], text
    return 1, f"{type(error).__name__}: {text[:300]} (--debug shows where)"
