"""Optional packages, which are extras of this package."""

from importlib.util import find_spec

from tfaudiogan.errors import InputError


def missing(*modules: str) -> list[str]:
    """Return the modules that are not installed."""
    return [module for module in modules if find_spec(module) is None]


def require(extra: str, *modules: str) -> None:
    """Check that the modules of an extra are installed, before they are imported.

    Raises:
        InputError: If modules are missing. The message names them and the extra.
    """
    absent = missing(*modules)
    if absent:
        verb = "is" if len(absent) == 1 else "are"
        raise InputError(
            f"{' and '.join(absent)} {verb} not installed; pip install 'tfaudiogan[{extra}]'"
        )
