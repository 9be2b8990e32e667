"""Files as ``torch.save`` writes them, made without PyTorch."""

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np

KINDS = {
    "<f8": "DoubleStorage",
    "<f4": "FloatStorage",
    "<f2": "HalfStorage",
    "<i8": "LongStorage",
}
BEFORE_ZIP = 0x1950A86A20F9469CFC6C


class Tensor:
    """A tensor over the whole of a storage of its own, which pickles itself as PyTorch's does."""

    def __init__(self, values, transposed=False):
        self.values = np.ascontiguousarray(values.T if transposed else values)
        self.transposed = transposed

    def __reduce_ex__(self, protocol):
        shape = self.values.shape
        strides = [step // self.values.itemsize for step in self.values.strides]
        if self.transposed:
            shape, strides = shape[::-1], strides[::-1]
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        storage = Storage(self.values)
        return rebuild, (storage, 0, tuple(shape), tuple(strides), False, OrderedDict())


class Storage:
    def __init__(self, values):
        self.values = values


def pickled(content, entries, with_view):
    """The object's pickle; ``entries`` gets the storages by key."""
    named = {}
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for kind in KINDS.values():
        setattr(torch, kind, type(kind, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2():
        raise NotImplementedError

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    named["torch"], named["torch._utils"] = torch, utils

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if not isinstance(value, Storage):
                return None
            key = str(len(entries))
            entries[key] = value.values
            kind = getattr(torch, KINDS[value.values.dtype.str])
            pid = ("storage", kind, key, "cpu", value.values.size)
            return (*pid, None) if with_view else pid

    before = {name: sys.modules.get(name) for name in named}
    sys.modules.update(named)
    try:
        stream = io.BytesIO()
        Pickler(stream, protocol=2).dump(content)
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return stream.getvalue()


def state_dict(weights):
    """An ordered dictionary of tensors with the attribute that PyTorch's has."""
    tensors = OrderedDict((name, Tensor(values)) for name, values in weights.items())
    tensors._metadata = OrderedDict([("", {"version": 1})])
    return tensors


def write_zip(path, content, compression=zipfile.ZIP_STORED):
    """The format since PyTorch 1.6."""
    entries = {}
    data = pickled(content, entries, with_view=False)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/byteorder", "little")
        for key, values in entries.items():
            archive.writestr(f"archive/data/{key}", values.tobytes())
        archive.writestr("archive/version", "3\n")


def write_before_zip(path, content):
    """The format before PyTorch 1.6, which the paper's code wrote."""
    entries = {}
    data = pickled(content, entries, with_view=True)
    with path.open("wb") as stream:
        machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
        for value in (BEFORE_ZIP, 1001, machine):
            pickle.dump(value, stream, protocol=2)
        stream.write(data)
        pickle.dump(sorted(entries), stream, protocol=2)
        for key in sorted(entries):
            stream.write(entries[key].size.to_bytes(8, "little") + entries[key].tobytes())
