import json
from dataclasses import asdict, replace

import keras_tuner
import pytest

from tests.runs.tiny import TINY
from tfaudiogan.config import AdversarialConfig, Config, preset
from tfaudiogan.errors import InputError
from tuning.space import (
    BY_NAME,
    PARAMETERS,
    Space,
    derive,
    parse_fix,
    parse_range,
    read_narrowing,
)

BASE = Config()
EVERYTHING = {parameter.name: parameter.paper for parameter in PARAMETERS}


def flat(config):
    return {
        f"{section}.{name}": value
        for section, values in asdict(config).items()
        if isinstance(values, dict)
        for name, value in values.items()
    }


@pytest.mark.parametrize(
    ("values", "changed"),
    [
        ({}, {}),
        (
            {"frequency": True, "lambda_f": 3.0, "feature": False, "adversarial": False},
            {"weights.frequency": 3.0},
        ),
        ({"frequency": False, "lambda_f": 3.0}, {}),
        (
            {
                "adversarial": True,
                "lambda_adv": 0.01,
                "lambda_p": 2.0,
                "n_critic": 3,
                "critic_learning_rate": 2e-4,
            },
            {
                "weights.adversarial": 0.01,
                "adversarial.gradient_penalty": 2.0,
                "adversarial.n_critic": 3,
                "optimizer.discriminator_learning_rate": 2e-4,
            },
        ),
        (
            {"d_max": 1, "learning_rate": 5e-4, "origin": "paper", "tuner/epochs": 3},
            {"generator.d_max": 1, "optimizer.learning_rate": 5e-4},
        ),
    ],
)
def test_a_point_changes_its_places_and_nothing_else(values, changed):
    before, after = flat(BASE), flat(derive(BASE, values))
    assert {name: after[name] for name in after if after[name] != before[name]} == changed


def test_a_disabled_switch_removes_the_term_of_the_base():
    assert TINY.weights.adversarial
    assert derive(TINY, {"adversarial": False}).weights.adversarial == 0.0


def test_the_papers_point_has_the_papers_values():
    config = derive(BASE, EVERYTHING)
    weights = config.weights
    assert (weights.frequency, weights.feature, weights.adversarial) == (10.0, 0.1, 1e-4)
    assert (config.generator.d_max, config.adversarial.gradient_penalty) == (4, 10.0)


def test_every_point_keras_tuner_draws_has_what_matters_and_nothing_else():
    space, seen = Space.over(BASE), set()
    for seed in range(30):
        hp = keras_tuner.HyperParameters()
        space.declare(hp)
        drawn = keras_tuner.HyperParameters()
        for number, one in enumerate(hp.space):
            drawn.merge([one])
            if drawn.is_active(one):
                drawn.values[one.name] = one.random_sample(100 * seed + number)
        values = drawn.values
        for parameter in PARAMETERS:
            matters = values.get(parameter.needs, True)
            assert (parameter.name in values) == matters
            if matters and not parameter.is_switch:
                assert parameter.low <= values[parameter.name] <= parameter.high
        seen.add(tuple(values[n] for n in ("frequency", "feature", "adversarial")))
        assert space.complete(values) == values
    assert len(seen) == 8  # every combination of terms is drawn


def test_real_numbers_are_drawn_evenly_on_a_logarithmic_scale():
    hp = keras_tuner.HyperParameters()
    Space.over(BASE, {"frequency": True}).declare(hp)
    (lambda_f,) = (one for one in hp.space if one.name == "lambda_f")
    assert lambda_f.prob_to_value(0.5) == pytest.approx((0.1 * 100) ** 0.5, rel=1e-9)


@pytest.mark.parametrize(
    ("base", "narrowing", "gone"),
    [
        (BASE, {"feature": False}, {"feature", "lambda_ae"}),
        (BASE, {"frequency": True}, {"frequency"}),
        (
            BASE,
            {"adversarial": False, "d_max": 2},
            {
                "adversarial",
                "lambda_adv",
                "lambda_p",
                "n_critic",
                "critic_learning_rate",
                "d_max",
            },
        ),
        (replace(BASE, adversarial=AdversarialConfig("saturating")), {}, {"lambda_p"}),
        (replace(BASE, adversarial=AdversarialConfig(weight_clip=0.1)), {}, {"lambda_p"}),
    ],
)
def test_what_is_fixed_or_without_effect_is_not_searched(base, narrowing, gone):
    space = Space.over(base, narrowing)
    assert set(BY_NAME) - {parameter.name for parameter in space.searched} == gone
    assert dict(space.fixed) == narrowing
    values = space.complete({})
    assert values == narrowing


def test_ranges_replace_those_of_the_space_and_d_max_stops_at_the_blocks():
    space = Space.over(TINY, {"lambda_f": [1, 50], "n_critic": [1, 2]})
    ranges = {p.name: (p.low, p.high) for p in space.searched}
    assert ranges["lambda_f"] == (1.0, 50.0)
    assert ranges["n_critic"] == (1, 2)
    assert ranges["d_max"] == (0, TINY.generator.blocks)
    assert json.loads(json.dumps(space.to_dict()))["lambda_f"] == [1.0, 50.0]


@pytest.mark.parametrize(
    ("narrowing", "words"),
    [
        ({"lambda": 1}, "unknown parameter 'lambda'"),
        ({"lambda_f": "much"}, 'lambda_f is "much"; expected a number'),
        ({"lambda_f": 0}, "lambda_f is 0; expected more than 0; .* fix frequency=false"),
        ({"learning_rate": [0, 1]}, "learning_rate is 0; expected more than 0$"),
        ({"lambda_f": [10, 1]}, "ranges from 10 to 1"),
        ({"lambda_f": [1, 2, 3]}, "expected two numbers"),
        ({"frequency": 1}, "frequency is 1; expected true or false"),
        ({"frequency": [0, 1]}, "expected true or false"),
        ({"n_critic": 1.5}, "n_critic is 1.5; expected a whole number"),
        ({"n_critic": [0, 3]}, "n_critic is 0; expected 1 or more"),
        ({"d_max": True}, "d_max is true; expected a whole number"),
        ({"feature": False, "lambda_ae": 1.0}, "lambda_ae has no effect; feature is fixed"),
        (
            {
                "frequency": False,
                "feature": False,
                "adversarial": False,
                "d_max": 1,
                "learning_rate": 1e-3,
            },
            "every parameter is fixed",
        ),
    ],
)
def test_an_invalid_space_is_refused_in_one_line(narrowing, words):
    with pytest.raises(InputError, match=words) as caught:
        Space.over(BASE, narrowing)
    assert "\n" not in str(caught.value)


def test_narrowing_is_read_from_options_and_files(tmp_path):
    assert parse_fix("d_max=2") == ("d_max", 2)
    assert parse_fix("adversarial = False") == ("adversarial", False)
    assert parse_range("lambda_f=1e-1:30") == ("lambda_f", [0.1, 30])
    file = tmp_path / "space.json"
    file.write_text('{"d_max": 2, "lambda_f": [1, 30]}')
    assert read_narrowing(file) == {"d_max": 2, "lambda_f": [1, 30]}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: parse_fix("d_max"), "--fix d_max: '' is not a value"),
        (lambda p: parse_fix("d_max=two"), "'two' is not a value"),
        (lambda p: parse_range("lambda_f=1:"), "NAME=LOW:HIGH"),
        (lambda p: read_narrowing(p / "list.json"), "holds a list"),
        (lambda p: read_narrowing(p / "not.json"), "is not JSON"),
    ],
)
def test_unreadable_narrowing_is_refused(call, words, tmp_path):
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "not.json").write_text("d_max: 2")
    with pytest.raises(InputError, match=words):
        call(tmp_path)


def test_the_capacity_of_a_spectral_generator_is_searched():
    base = preset("restoration")
    space = Space.over(base)
    (capacity,) = (p for p in space.searched if p.name == "d_max")
    assert capacity.high == base.generator.blocks
    derived = derive(base, {"d_max": 0}).generator
    assert (derived.kind, derived.d_max, derived.bands) == ("spectral", 0, base.generator.bands)
