"""The models that are released with the package."""

import importlib.util
import json
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfaudiogan.errors import InputError

if TYPE_CHECKING:
    from tfaudiogan.inference.metadata import ModelMetadata

DEFAULT = "phone-restoration"
CARD = "model.json"

_PACKAGE = Path(__file__).parents[1]
FOLDERS = (
    _PACKAGE.parent / "saved_models",
    _PACKAGE.parent / "share" / "tfaudiogan",
    Path(sysconfig.get_path("data")) / "share" / "tfaudiogan",
    Path(sysconfig.get_path("data", sysconfig.get_preferred_scheme("user")))
    / "share"
    / "tfaudiogan",
)
"""Folders of released models: in a clone, beside a package that is installed into a folder, in an
environment, and where ``pip install --user`` puts them."""


@dataclass(frozen=True)
class ReleasedModel:
    """A released model: its folder and the contents of its ``model.json``.

    Attributes:
        name: Name of the folder, by which commands find the model.
        folder: Folder with ``NAME.keras`` and the exported files.
        description: Description in one sentence.
        figures: Measured figures, by name.
    """

    name: str
    folder: Path
    description: str
    figures: dict[str, Any]

    @property
    def keras(self) -> Path:
        """Path of the Keras model."""
        return self.folder / f"{self.name}.keras"

    @property
    def tflite(self) -> Path:
        """Path of the TFLite model with 16-bit weights."""
        return self.folder / f"{self.name}-float16.tflite"

    @property
    def metadata(self) -> "ModelMetadata":
        """Metadata of the Keras model."""
        from tfaudiogan.inference.metadata import read_metadata

        return read_metadata(self.keras)

    def path(self) -> Path:
        """Return the file that starts fastest.

        This is the TFLite model if LiteRT is installed, as LiteRT starts in a tenth of TensorFlow's
        time, and the Keras model otherwise.
        """
        if importlib.util.find_spec("ai_edge_litert") and self.tflite.is_file():
            return self.tflite
        return self.keras


def released_models() -> dict[str, ReleasedModel]:
    """Return all released models, by name."""
    models: dict[str, ReleasedModel] = {}
    for folder in FOLDERS:
        for card in sorted(folder.glob(f"*/{CARD}")):
            values = json.loads(card.read_text(encoding="utf-8"))
            name = card.parent.name
            models.setdefault(
                name, ReleasedModel(name, card.parent, values["description"], values["figures"])
            )
    return models


def find_model(name_or_path: str, keras: bool = False) -> Path:
    """Return the path itself if it is a model, or the file of the released model of that name.

    A folder with the name of a released model hides it only if it is a SavedModel. With ``keras``,
    the file is the Keras model, and otherwise the one that starts fastest.

    Raises:
        InputError: If there is neither such a file nor such a released model.
    """
    from tfaudiogan.inference.load import saved_model_folder

    path = Path(name_or_path)
    if path.is_file() or saved_model_folder(path):
        return path
    models = released_models()
    if name_or_path in models:
        found = models[name_or_path]
        return found.keras if keras else found.path()
    if path.exists():
        return path
    names = ", ".join(models) or "none is installed"
    raise InputError(
        f"no model {name_or_path}; give the path of a model or the name of a released one: {names}"
    )
