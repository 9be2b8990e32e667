"""Loads the model that an export starts from."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from tfaudiogan.errors import InputError
from tfaudiogan.inference.load import keras_with_channels, load_keras
from tfaudiogan.inference.metadata import ModelMetadata, read_metadata
from tfaudiogan.storage import checksum

if TYPE_CHECKING:
    import keras


def load_source(path: Path | str) -> tuple["keras.Model", ModelMetadata]:
    """Load a ``.keras`` generator and its metadata.

    The metadata gets the file's checksum and the number of parameters. The model takes as many
    channels as its metadata says.

    Raises:
        InputError: If the file is not a model of this package, or Keras does not run on TensorFlow.
    """
    path = Path(path)
    if path.is_dir() or (path.exists() and path.suffix != ".keras"):
        raise InputError(f"{path} is not a .keras file; export the generator.keras of a run")
    metadata = read_metadata(path)
    import keras

    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"exports need Keras on TensorFlow, not on {keras.backend.backend()}; "
            "set KERAS_BACKEND=tensorflow"
        )
    try:
        model = keras_with_channels(load_keras(path), metadata.channels)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{path} cannot be exported ({error}); train it again") from error
    return model, dataclasses.replace(
        metadata, source_sha256=checksum(path), parameters=model.count_params()
    )
