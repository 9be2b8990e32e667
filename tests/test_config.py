import json
from dataclasses import asdict

import pytest

from tfaudiogan.config import PRESETS, Config, LossWeights, parse_loss, preset
from tfaudiogan.errors import InputError


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_the_round_trip_through_json(name, tmp_path):
    config = preset(name)
    assert config.preset == name
    config.save(tmp_path / "config.json")
    assert Config.load(tmp_path / "config.json") == config


def test_the_papers_preset_is_the_papers():
    config = preset("paper")
    assert (config.window, config.generator.blocks, config.generator.d_max) == (8192, 8, 4)
    assert (config.training.batch, config.optimizer.learning_rate) == (64, 1e-3)
    assert config.weights == LossWeights(time=1.0)


def test_a_file_gives_only_what_differs(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"preset": "demo", "generator": {"d_max": 2}}))
    config = Config.load(path)
    assert config.generator.d_max == 2
    assert config.window == preset("demo").window


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[1]", "list"),
        ('{"preset": "huge"}', "unknown preset 'huge'"),
        ('{"windows": 1}', "unknown name 'windows'"),
        ('{"generator": {"d_max": "4"}}', "d_max is '4'; expected int"),
        ('{"generator": {"additive_skip": 1}}', "expected bool"),
        ('{"window": true}', "window is True"),
        ('{"generator": 4}', "expected an object"),
        ('{"adversarial": {"weight_clip": "x"}}', "float or NoneType"),
    ],
)
def test_bad_files_say_what_was_wrong(text, words, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        Config.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("time", {"time": 1.0}),
        ("time+frequency", {"time": 1.0, "frequency": 10.0}),
        ("time=0.5 + feature", {"time": 0.5, "feature": 0.1}),
        ("log-ratio+adversarial=2e-3", {"log_ratio": 0.1, "adversarial": 2e-3}),
    ],
)
def test_losses_by_name(expression, expected):
    assert parse_loss(expression).active() == expected
    assert set(asdict(parse_loss(expression))) == set(asdict(LossWeights()))


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("phase", "unknown loss term 'phase'"),
        ("", "unknown loss term ''"),
        ("time=x", "'x' of loss term 'time' is not a number"),
        ("time=-1", "expected 0 or more"),
        ("time=inf", "expected 0 or more"),
    ],
)
def test_bad_losses_say_what_was_wrong(expression, words):
    with pytest.raises(InputError, match=words):
        parse_loss(expression)
