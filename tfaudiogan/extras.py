"""Packages that only some users need."""

from importlib.util import find_spec

from tfaudiogan.errors import InputError


def require(extra: str, *modules: str) -> None:
    """Check that an extra's modules are there, before they are imported.

    Raises:
        InputError: naming the missing ones and the extra that brings them.
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise InputError(
            f"{' and '.join(missing)} not installed; pip install 'tfaudiogan[{extra}]'"
        )
