"""The models that come with the package, by name."""

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
"""Where released models are: in a clone, beside a package installed into a folder, in an
environment, or where ``pip install --user`` puts them."""


@dataclass(frozen=True)
class ReleasedModel:
    """A released model's folder and what its ``model.json`` says.

    Attributes:
        name: of the folder, and of the model in commands.
        folder: holds ``NAME.keras`` and its exported forms.
        description: in a sentence.
        figures: what was measured, by name.
    """

    name: str
    folder: Path
    description: str
    figures: dict[str, Any]

    @property
    def keras(self) -> Path:
        """The Keras model."""
        return self.folder / f"{self.name}.keras"

    @property
    def tflite(self) -> Path:
        """The TFLite model with 16-bit weights."""
        return self.folder / f"{self.name}-float16.tflite"

    @property
    def metadata(self) -> "ModelMetadata":
        """Task, sample rate and license."""
        from tfaudiogan.inference.metadata import read_metadata

        return read_metadata(self.keras)

    def path(self) -> Path:
        """The form that runs soonest: TFLite where LiteRT is installed, which starts in a tenth of
        TensorFlow's time, else Keras."""
        if importlib.util.find_spec("ai_edge_litert") and self.tflite.is_file():
            return self.tflite
        return self.keras


def released_models() -> dict[str, ReleasedModel]:
    """All released models, by name."""
    models: dict[str, ReleasedModel] = {}
    for folder in FOLDERS:
        for card in sorted(folder.glob(f"*/{CARD}")):
            values = json.loads(card.read_text(encoding="utf-8"))
            name = card.parent.name
            models.setdefault(
                name, ReleasedModel(name, card.parent, values["description"], values["figures"])
            )
    return models


def find_model(name_or_path: str) -> Path:
    """The file of a released model, or the path itself.

    Raises:
        InputError: when there is neither a file nor a released model of that name.
    """
    path = Path(name_or_path)
    if path.exists():
        return path
    models = released_models()
    if name_or_path in models:
        return models[name_or_path].path()
    names = ", ".join(models) or "none is installed"
    raise InputError(
        f"no model {name_or_path}; give the path of one, or a released model's name: {names}"
    )
