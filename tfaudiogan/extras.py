"""Packages that only some users need."""

from importlib.util import find_spec

from tfaudiogan.errors import InputError


def missing(*modules: str) -> list[str]:
    """Those of the modules that are not installed."""
    return [module for module in modules if find_spec(module) is None]


def require(extra: str, *modules: str) -> None:
    """Check that an extra's modules are there, before they are imported.

    Raises:
        InputError: naming the missing ones and the extra that brings them.
    """
    absent = missing(*modules)
    if absent:
        raise InputError(f"{' and '.join(absent)} not installed; pip install 'tfaudiogan[{extra}]'")
