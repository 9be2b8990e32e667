import numpy as np
import pytest

from tfaudiogan.errors import InputError
from tfaudiogan.reporting.history import read_history


def test_columns_as_numbers(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss,val_loss\n0,2.5,\n1,nan,1e-3\n")
    history = read_history(path)
    assert list(history) == ["epoch", "loss", "val_loss"]
    np.testing.assert_array_equal(history["loss"], [2.5, np.nan])
    np.testing.assert_array_equal(history["val_loss"], [np.nan, 1e-3])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the history"),
        (b"", "holds no epochs"),
        (b"epoch,loss\n", "holds no epochs"),
        (b"\xff\xfe\x00", "cannot read the history"),
    ],
)
def test_no_history(tmp_path, content, message):
    path = tmp_path / "history.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_history(path)


def test_logs_that_were_renamed_have_their_present_names(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,critic_loss,discriminator_loss\n0,1.5,\n1,,2.5\n")
    history = read_history(path)
    assert "critic_loss" not in history
    np.testing.assert_array_equal(history["discriminator_loss"], [1.5, 2.5])
