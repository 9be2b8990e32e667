"""Test that the private names of Keras and Keras Tuner that the package uses exist.

``setup.cfg`` has upper bounds for both. Before a bound is raised, this test shows which names are
missing. The tests of the code that uses a name show what has changed.
"""

import configparser
import inspect
from importlib import metadata
from pathlib import Path

import keras
import keras_tuner
import pytest
from packaging.requirements import Requirement

from tfaudiogan.training.composite import CompositeModel
from tfaudiogan.training.optimizer import AveragingAdam
from tfaudiogan.training.replicas import ReplicatedModel
from tuning.oracles import SearchOracle
from tuning.tuner import SearchTuner


@pytest.mark.parametrize(
    ("base", "ours", "name", "parameters"),
    [
        (keras.Model, ReplicatedModel, "_maybe_symbolic_build", ["iterator", "data_batch"]),
        (
            keras.optimizers.Adam,
            AveragingAdam,
            "_update_model_variables_moving_average",
            ["trainable_variables"],
        ),
        (keras.optimizers.Adam, AveragingAdam, "_clip_gradients", ["grads"]),
        (keras_tuner.Tuner, SearchTuner, "_populate_initial_space", []),
        (keras_tuner.Tuner, SearchTuner, "_get_tuner_fname", []),
        (keras_tuner.Oracle, SearchOracle, "_save_trial", ["trial"]),
    ],
)
def test_an_overridden_method_is_still_there(base, ours, name, parameters):
    """The parameters must be the same, because Keras calls the override with its own."""
    assert name in vars(ours)
    for where in (base, ours):
        assert list(inspect.signature(getattr(where, name)).parameters) == ["self", *parameters]


@pytest.mark.parametrize(
    ("base", "name"),
    [
        (keras.Model, "_flatten_layers"),
        (keras_tuner.Tuner, "_is_worker"),
        (keras_tuner.Oracle, "_get_oracle_fname"),
        (keras_tuner.Oracle, "_get_trial_dir"),
    ],
)
def test_a_called_method_is_still_there(base, name):
    assert callable(getattr(base, name))


def test_private_attributes_of_a_compiled_model_are_still_there():
    generator = keras.Sequential([keras.Input((512, 1)), keras.layers.Conv1D(1, 1)])
    model = CompositeModel(generator)
    optimizer = AveragingAdam(use_ema=True)
    model.compile(optimizer)
    assert isinstance(model._loss_tracker, keras.metrics.Mean)
    assert model._compile_metrics.built
    averages = optimizer._model_variables_moving_average
    assert len(averages) == len(generator.trainable_variables)


def test_the_oracles_retry_queue_is_a_list():
    assert isinstance(keras_tuner.Oracle()._retry_queue, list)


@pytest.mark.parametrize("package", ["keras", "keras-tuner"])
def test_a_package_with_private_hooks_is_bounded(package):
    """The package has a lower and an upper bound, and the installed version is between them."""
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[1] / "setup.cfg")
    lines = setup["options"]["install_requires"].splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    (found,) = [requirement for requirement in requirements if requirement.name == package]
    assert {specifier.operator for specifier in found.specifier} == {">=", "<"}
    assert metadata.version(package) in found.specifier
