"""The tensors of a file that PyTorch wrote, without PyTorch.

Such a file holds a pickle, which could run anything when it is loaded as usual. This one makes
arrays, dictionaries and plain values of it, and refuses whatever names another class or function.
"""

import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from tfaudiogan.errors import InputError

DTYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}

BEFORE_ZIP = 0x1950A86A20F9469CFC6C
"""What files begin with that PyTorch wrote up to version 1.5, and the paper's code so too."""


def read_torch_file(path: Path | str) -> Any:
    """Read what ``torch.save`` wrote, in its format of today or that of before version 1.6.

    Returns:
        The object, with NumPy arrays for tensors. Arrays may share memory.

    Raises:
        InputError: when it is no such file, is damaged, or holds more than tensors and plain
            values.
    """
    path = Path(path)
    try:
        if zipfile.is_zipfile(path):
            return _read_zip(path)
        with path.open("rb") as stream:
            return _read_before_zip(stream, path.stat().st_size)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give a checkpoint") from error
    except _Refused as error:
        raise InputError(f"{path} {error}; save the network's state_dict() alone") from error
    except Exception as error:
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise InputError(
            f"{path} is not a checkpoint of PyTorch ({reason}); give what torch.save wrote, or an "
            ".npz file of a state dict"
        ) from error


class _Refused(Exception):
    """The file asks for what reading tensors does not need."""


class _Ignored:
    """Stands for a value that is nothing to us, such as a NumPy scalar among the losses."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class _Unpickler(pickle.Unpickler):
    """Makes nothing but arrays of given storages, dictionaries and plain values.

    Args:
        stream: at the pickle's beginning.
        storage: makes the flat array of a storage, from its key, type and number of values.
        most: bytes that all storages together may have.
    """

    def __init__(
        self, stream: IO[bytes], storage: Callable[[str, np.dtype, int], np.ndarray], most: int
    ) -> None:
        super().__init__(stream)
        self._storage = storage
        self._left = most
        self.storages: dict[str, np.ndarray] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in DTYPES:
            return name
        if (module, name) not in _KNOWN:
            raise _Refused(f"holds {f'{module}.{name}'!r}, which is no tensor")
        return _KNOWN[module, name]

    def persistent_load(self, pid: Any) -> np.ndarray:
        what, kind, key, _, count, *view = pid
        dtype = np.dtype(DTYPES[kind])
        if what != "storage" or any(part is not None for part in view):
            raise ValueError(f"unknown reference to {what!r}")
        if not isinstance(key, str) or not isinstance(count, int) or count < 0:
            raise ValueError(f"a storage {key!r} of {count!r} values")
        if key not in self.storages:
            self._left -= count * dtype.itemsize
            if self._left < 0:
                raise ValueError("its tensors are larger than the file")
            self.storages[key] = self._storage(key, dtype, count)
        if self.storages[key].dtype != dtype:
            raise ValueError(f"the storage {key!r} has two types")
        return self.storages[key]


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> np.ndarray:
    """A view of a storage, checked to lie within it."""
    if not isinstance(storage, np.ndarray) or storage.ndim != 1 or len(size) != len(stride):
        raise ValueError("a tensor without its storage")
    if min((offset, *size, *stride), default=0) < 0 or math.prod(size) > len(storage):
        raise ValueError(f"a tensor of shape {tuple(size)} in a storage of {len(storage)} values")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if math.prod(size) and last >= len(storage):
        raise ValueError(f"a tensor of shape {tuple(size)} beyond its {len(storage)} values")
    if not math.prod(size):
        return np.zeros(size, storage.dtype)
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False)


def _parameter(data: Any, *_: Any) -> Any:
    return data


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("numpy", "dtype"): _Ignored,
    ("numpy.core.multiarray", "scalar"): _Ignored,
    ("numpy._core.multiarray", "scalar"): _Ignored,
    ("_codecs", "encode"): _Ignored,
}
"""What a pickle may name, and what stands for it here."""


def _read_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        (pickled,) = (name for name in archive.namelist() if name.split("/")[1:] == ["data.pkl"])
        folder = pickled.removesuffix("data.pkl")
        order = f"{folder}byteorder"
        if order in archive.namelist() and archive.read(order) != b"little":
            raise _Refused("was written by a big-endian machine")

        def storage(key: str, dtype: np.dtype, count: int) -> np.ndarray:
            entry = archive.getinfo(f"{folder}data/{key}")
            if (
                entry.compress_type != zipfile.ZIP_STORED
                or entry.file_size < count * dtype.itemsize
            ):
                raise ValueError(f"the storage {key!r} has not its {count} values")
            return np.frombuffer(archive.read(entry), dtype, count)

        with archive.open(pickled) as stream:
            return _Unpickler(stream, storage, path.stat().st_size).load()


def _read_before_zip(stream: IO[bytes], size: int) -> Any:
    """A pickle each for a magic number, a version, the machine, the object and its storages' keys.

    Then, for each key, the number of values in 8 bytes, and the values.
    """

    def none(key: str, dtype: np.dtype, count: int) -> np.ndarray:
        raise ValueError("a tensor where none belongs")

    def plain() -> Any:
        return _Unpickler(stream, none, 0).load()

    if plain() != BEFORE_ZIP:
        raise ValueError("it does not begin as one")
    plain()
    if not plain().get("little_endian", True):
        raise _Refused("was written by a big-endian machine")
    pickled = _Unpickler(stream, lambda key, dtype, count: np.zeros(count, dtype), size)
    loaded = pickled.load()
    for key in plain():
        storage = pickled.storages[key]
        count = int.from_bytes(stream.read(8), "little")
        content = stream.read(storage.nbytes)
        if count != len(storage) or len(content) != storage.nbytes:
            raise ValueError(f"the storage {key!r} has not its {len(storage)} values")
        storage[:] = np.frombuffer(content, storage.dtype)
    return loaded
