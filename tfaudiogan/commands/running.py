"""Runs the command line: errors are printed in one line, and the exit status tells their kind."""

import os
import sys
from collections.abc import Sequence

import typer

from tfaudiogan.errors import InputError
from tfaudiogan.progress import console
from tfaudiogan.quiet import quiet_imports


def run(app: typer.Typer, name: str, arguments: Sequence[str] | None = None) -> None:
    """Run an application and exit.

    The status is 0 on success, 2 for bad usage or input, 130 if a run was interrupted and has saved
    its state, and 1 for any other error. With ``--debug`` anywhere, errors are raised.

    Args:
        app: Application with the commands.
        name: Name of the program in its help.
        arguments: Arguments after the program's name; those of this process by default.
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
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror[0].lower() + error.strerror[1:]
        return 2, f"{error.filename}: {reason}" if error.filename else reason
    if isinstance(error, InputError | OSError):
        return 2, text
    # The classes are compared by name, because importing them would import TensorFlow.
    statuses = {"Interrupted": 130, "Diverged": 1}
    if type(error).__name__ in statuses:
        return statuses[type(error).__name__], text
    return 1, f"{type(error).__name__}: {text[:300]} (use --debug for a traceback)"
