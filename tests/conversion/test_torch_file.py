"""PyTorch's files read without PyTorch, and what they could do refused."""

import os
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from tests.conversion.torch_files import Tensor, state_dict, write_before_zip, write_zip
from tfaudiogan.conversion.torch_file import read_torch_file
from tfaudiogan.errors import InputError

WRITERS = [write_zip, write_before_zip]


@pytest.mark.parametrize("write", WRITERS)
def test_a_checkpoint_comes_back(write, tmp_path):
    rng = np.random.default_rng(0)
    weights = {
        "a.weight": rng.normal(size=(3, 2, 5)).astype("f4"),
        "a.bias": rng.normal(size=3),
        "half": rng.normal(size=4).astype("f2"),
        "count": np.array(7),
        "none": np.zeros((0, 3), "f4"),
    }
    table = rng.normal(size=(2, 3)).astype("f4")
    content = {
        "epoch": 3,
        "state": state_dict(weights),
        "transposed": Tensor(table, transposed=True),
        "losses": {"time": [0.5, np.float64(0.25)], "name": "x", "nothing": None},
        "bytes": b"abc",
    }
    write(tmp_path / "a.tar", content)
    loaded = read_torch_file(tmp_path / "a.tar")
    assert list(loaded["state"]) == list(weights)
    for name, values in weights.items():
        assert loaded["state"][name].dtype == values.dtype
        np.testing.assert_array_equal(loaded["state"][name], values)
    np.testing.assert_array_equal(loaded["transposed"], table)
    assert loaded["epoch"] == 3 and loaded["losses"]["time"][0] == 0.5


class Evil:
    """Writes a file when it is unpickled as usual."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("write", WRITERS)
def test_a_malicious_pickle_is_refused_and_does_nothing(write, tmp_path):
    path = tmp_path / "evil.pt"
    write(path, {"a": Tensor(np.ones(2, "f4")), "b": Evil(tmp_path / "done")})
    with pytest.raises(
        InputError, match=r"holds '(posix|nt).system', which is no tensor"
    ) as caught:
        read_torch_file(path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize(
    "value",
    [OrderedDict, np.ones(2), getattr, pickle.loads, np.load],
    ids=["class", "array", "getattr", "pickle.loads", "np.load"],
)
def test_only_what_tensors_need_may_be_named(value, tmp_path):
    write_zip(tmp_path / "a.pt", {"value": value})
    if value is OrderedDict:
        read_torch_file(tmp_path / "a.pt")
        return
    with pytest.raises(InputError, match="which is no tensor"):
        read_torch_file(tmp_path / "a.pt")


class Beyond(Tensor):
    """A tensor that states more than its storage holds."""

    def __init__(self, values, *arguments):
        super().__init__(values)
        self.arguments = arguments

    def __reduce_ex__(self, protocol):
        rebuild, (storage, *_) = super().__reduce_ex__(protocol)
        return rebuild, (storage, *self.arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        (1, (4,), (1,)),
        (0, (5,), (1,)),
        (0, (2, 2), (3, 1)),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (0, (10**9,), (0,)),
        (0, (2, 2), (1,)),
        (None, (2,), (1,)),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(arguments, tmp_path):
    write_zip(tmp_path / "a.pt", {"a": Beyond(np.ones(4, "f4"), *arguments)})
    with pytest.raises(InputError, match="is not a checkpoint of PyTorch"):
        read_torch_file(tmp_path / "a.pt")


def test_what_is_no_checkpoint_is_one_line(tmp_path):
    write_zip(tmp_path / "packed.pt", {"a": Tensor(np.ones(4, "f4"))}, zipfile.ZIP_DEFLATED)
    write_before_zip(tmp_path / "whole.tar", {"a": Tensor(np.ones(4, "f4"))})
    whole = (tmp_path / "whole.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:-3])
    (tmp_path / "text.pt").write_text("hello\nworld")
    (tmp_path / "empty.pt").write_bytes(b"")
    (tmp_path / "pickle.pt").write_bytes(pickle.dumps({"a": 1}))
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("hello", "world")
    for name in ("packed.pt", "cut.tar", "text.pt", "empty.pt", "pickle.pt", "other.zip", "none"):
        with pytest.raises(InputError, match=name) as caught:
            read_torch_file(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_torch_file(tmp_path)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("write", WRITERS)
def test_damaged_bytes_are_an_input_error_or_a_checkpoint(write, seed, tmp_path):
    path = tmp_path / "a.pt"
    write(path, state_dict({"a.weight": np.ones((3, 2), "f4"), "a.bias": np.ones(3, "f4")}))
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(len(content), size=1 + seed % 4):
        content[place] = int(rng.integers(256))
    path.write_bytes(content)
    try:
        read_torch_file(path)
    except InputError as error:
        assert "\n" not in str(error)
