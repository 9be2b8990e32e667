"""The metadata of a model file: its sample rate, window, level and origin.

The metadata is JSON named ``tfaudiogan.json`` inside the model file, so that the two cannot be
separated. It is an entry of a ``.keras`` file, which is a zip archive; an entry of a zip archive
appended to a ``.tflite`` file, as TensorFlow Lite packs associated files; a file in the
``assets.extra`` folder of a SavedModel; or a metadata property of an ``.onnx`` file.
"""

import dataclasses
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfaudiogan._version import __version__
from tfaudiogan.audio.levels import COMMON_LEVEL_DBFS
from tfaudiogan.audio.windows import check_hop
from tfaudiogan.errors import InputError
from tfaudiogan.extras import require
from tfaudiogan.storage import replacing, write_text

ENTRY = "tfaudiogan.json"
ASSETS = "assets.extra"


@dataclass(frozen=True)
class ModelMetadata:
    """The properties and the origin of a model.

    Attributes:
        sample_rate: Sample rate of the training audio in hertz.
        window: Number of samples in a window.
        hop: Number of samples from the start of a window to the start of the next one, at least
            half of the window and half by default. Windows are cross-faded where they overlap.
        level_dbfs: Level that the input is scaled to (``tfaudiogan.audio.levels``).
        channels: Number of channels that the model enhances together with the same gains; 1 if it
            enhances each channel independently.
        task: Task that the model was trained for: ``instrument``, ``phone``, ``superres`` or
            ``pairs``.
        preset: Name of the configuration.
        trained_on: Description of the training data.
        data_sha256: Checksum of the training corpus's manifest.
        licence: License of the weights.
        steps: Number of updates in training.
        parameters: Number of parameters.
        source_sha256: Checksum of the file that the model was exported or converted from.
        version: Version of this package that wrote the model.
        scores: Scores on held-out data, by name.
    """

    sample_rate: int
    window: int
    level_dbfs: float = COMMON_LEVEL_DBFS
    channels: int = 1
    task: str = ""
    preset: str = ""
    trained_on: str = ""
    data_sha256: str = ""
    licence: str = ""
    steps: int = 0
    parameters: int = 0
    source_sha256: str = ""
    version: str = __version__
    scores: Mapping[str, float] = field(default_factory=dict)
    hop: int = 0

    def __post_init__(self) -> None:
        if self.sample_rate <= 0:
            raise ValueError(f"sample_rate is {self.sample_rate} Hz; expected more than 0")
        if self.channels < 1:
            raise ValueError(f"channels is {self.channels}; expected 1 or more")
        object.__setattr__(self, "hop", check_hop(self.window, self.hop or None))

    def to_json(self) -> str:
        """Return the metadata as indented JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ModelMetadata":
        """Parse the output of ``to_json``. Names that this version does not know are ignored.

        Raises:
            ValueError: If the text is not a model's metadata.
        """
        values: dict[str, Any] = json.loads(text)
        known = {f.name for f in dataclasses.fields(cls)}
        try:
            return cls(**{name: value for name, value in values.items() if name in known})
        except (AttributeError, TypeError) as error:
            raise ValueError(f"not a model's metadata: {error}") from error


def write_metadata(path: Path | str, metadata: ModelMetadata) -> None:
    """Write metadata into a model file or SavedModel folder, replacing existing metadata."""
    path = Path(path)
    text = metadata.to_json()
    if path.is_dir():
        write_text(path / ASSETS / ENTRY, text)
    elif path.suffix == ".onnx":
        _write_onnx(path, text)
    else:
        _write_zip(path, text)


def read_metadata(path: Path | str) -> ModelMetadata:
    """Read a model's metadata.

    Raises:
        InputError: If the file does not exist or has no metadata.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist; give a model that tfaudiogan trained or exported")
    try:
        if path.is_dir():
            text = (path / ASSETS / ENTRY).read_text(encoding="utf-8")
        elif path.suffix == ".onnx":
            text = _read_onnx(path)
        else:
            with zipfile.ZipFile(path) as archive:
                text = archive.read(ENTRY).decode("utf-8")
        return ModelMetadata.from_json(text)
    except InputError:
        raise
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is not a model of tfaudiogan (no {ENTRY} in it); give a .keras file of a run, "
            "or a model that `tfaudiogan export` wrote"
        ) from error


def _write_zip(path: Path, text: str) -> None:
    """Write the entry. Other entries and the bytes before the archive are kept."""
    with replacing(path) as temporary:
        content = path.read_bytes()
        entries = []
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                entries = [(i, archive.read(i)) for i in archive.infolist() if i.filename != ENTRY]
                content = content[: min(i.header_offset for i in archive.infolist())]
        temporary.write_bytes(content)
        with zipfile.ZipFile(temporary, "a") as archive:
            for info, data in entries:
                archive.writestr(info, data)
            archive.writestr(ENTRY, text)


def _write_onnx(path: Path, text: str) -> None:
    require("onnx", "onnx")
    import onnx

    model = onnx.load(path)
    onnx.helper.set_model_props(model, {ENTRY: text})
    with replacing(path) as temporary:
        onnx.save(model, temporary)


def _read_onnx(path: Path) -> str:
    require("onnx", "onnxruntime")
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # The exception classes of onnxruntime are not public.
        raise ValueError(str(error)) from error
    return session.get_modelmeta().custom_metadata_map[ENTRY]
