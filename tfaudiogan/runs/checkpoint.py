"""The whole state of a run in one file, with the states of seeds and optimizers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from tfaudiogan.errors import InputError
from tfaudiogan.storage import replacing

_PROGRESS = "progress"


def state_variables(model) -> list:
    """Return all variables that training changes in a compiled model, in a fixed order."""
    variables = [*model.variables, *model.metrics_variables]
    for name in ("optimizer", "discriminator_optimizer"):
        optimizer = getattr(model, name, None)
        if optimizer is not None:
            variables += optimizer.variables
    return list({id(variable): variable for variable in variables}.values())


def save_state(path: Path | str, model, progress: Mapping[str, Any]) -> None:
    """Write the model's variables and the run's progress, which must be JSON-serializable."""
    arrays = {
        f"{index:05d}": ops.convert_to_numpy(variable)
        for index, variable in enumerate(state_variables(model))
    }
    arrays[_PROGRESS] = np.array(json.dumps(dict(progress)))
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays)


def read_progress(path: Path | str) -> dict[str, Any]:
    """Read only the progress from a checkpoint.

    Raises:
        InputError: If the file is not a checkpoint.
    """
    with _input_errors(path), np.load(path) as arrays:
        progress = json.loads(str(arrays[_PROGRESS]))
        step, best = progress["step"], progress.get("best")
        if not isinstance(step, int) or not isinstance(best, (int, float, type(None))):
            raise ValueError(f"step is {step!r} and best {best!r}")
        return progress


@contextmanager
def _input_errors(path: Path | str) -> Iterator[None]:
    """Turn the errors of NumPy, zipfile and zlib for a damaged file into an InputError."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise InputError(f"{path} is not a checkpoint ({reason}); start the run again") from error


def load_values(path: Path | str, model) -> list[np.ndarray]:
    """Read the values of the model's ``state_variables``, in the same order.

    Raises:
        InputError: If the checkpoint belongs to another model.
    """
    variables = state_variables(model)
    with _input_errors(path), np.load(path) as arrays:
        names = sorted(name for name in arrays.files if name != _PROGRESS)
        values = [arrays[name] for name in names]
    shapes = [tuple(variable.shape) for variable in variables]
    are_numbers = all(
        isinstance(value, np.ndarray) and value.dtype.kind in "biuf" for value in values
    )
    if not are_numbers or [value.shape for value in values] != shapes:
        raise InputError(
            f"{path} holds {len(values)} variables of another model, not these {len(shapes)}; "
            "resume with the run's own configuration"
        )
    return values


def assign_values(model, values: Sequence[np.ndarray]) -> None:
    """Assign the values that ``load_values`` returned to the model's variables."""
    for variable, value in zip(state_variables(model), values, strict=True):
        variable.assign(value)
