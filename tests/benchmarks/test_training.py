"""Compare the benchmarks' operation counts with closed forms, and test their errors."""

import keras
import pytest

from benchmarks import reference
from benchmarks.operations import forward_operations, step_operations
from benchmarks.reference import Reference
from tfaudiogan.errors import InputError
from tfaudiogan.layers import Inception1D
from tfaudiogan.models import build_generator


def test_operations_of_single_layers_are_their_closed_forms():
    inputs = keras.Input((64, 3))
    x = Inception1D(64, reduction=8)(inputs)
    x = keras.layers.Conv1D(2, 5, padding="same")(x)
    x = keras.layers.Flatten()(x)
    model = keras.Model(inputs, keras.layers.Dense(7)(x))
    # bottlenecks of 3, 3, 1 and 1 channels before 24, 24, 8 and 8 filters of 3, 9, 27 and 81 taps
    inception = 3 * 8 + 3 * 3 * 24 + 9 * 3 * 24 + 27 * 8 + 81 * 8
    products = 64 * (inception + 5 * 64 * 2) + 128 * 7
    assert forward_operations(model) == 2 * products
    assert step_operations(model, model, n_critic=1) == 2 * products * (3 + 14)
    nested = keras.Model(inputs, model(inputs))
    assert forward_operations(nested) == 2 * products


def test_the_full_generator_takes_1_47_gflop_a_window():
    assert forward_operations(build_generator()) == pytest.approx(1.47e9, rel=0.005)


@pytest.mark.parametrize(("installed", "words"), [(None, "pip install torch"), (True, "checkout")])
def test_a_missing_reference_gives_one_line(installed, words, tmp_path, monkeypatch):
    monkeypatch.setattr(reference, "find_spec", lambda name: installed)
    with pytest.raises(InputError, match=words) as caught:
        Reference(tmp_path, batch=1)
    assert "\n" not in str(caught.value)
