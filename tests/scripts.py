"""Load the scripts next to the card of phone-restoration, which are not part of the package."""

import importlib.util
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parents[1] / "saved_models" / "phone-restoration"


def load_script(name: str) -> ModuleType:
    """Return a script as a module, under a name that no other module has."""
    path = FOLDER / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"phone_restoration_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
