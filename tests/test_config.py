import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tfaudiogan.config import PRESETS, Config, LossWeights, parse_loss, preset
from tfaudiogan.errors import InputError


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_the_round_trip_through_json(name, tmp_path):
    config = preset(name)
    assert config.preset == name
    config.save(tmp_path / "config.json")
    assert Config.load(tmp_path / "config.json") == config


def test_the_paper_preset_has_the_papers_values():
    config = preset("paper")
    assert (config.window, config.generator.blocks, config.generator.d_max) == (8192, 8, 4)
    assert (config.training.batch, config.optimizer.learning_rate) == (64, 1e-3)
    assert config.weights == LossWeights(time=1.0)


def test_a_config_file_needs_only_the_differences(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"preset": "demo", "generator": {"d_max": 2}}))
    config = Config.load(path)
    assert config.generator.d_max == 2
    assert config.window == preset("demo").window


RELEASED = Path(__file__).parents[1] / "saved_models/phone-restoration/config.json"


@pytest.mark.skipif(not RELEASED.is_file(), reason="the released models are not here")
def test_the_released_configuration_has_the_documented_values():
    values = json.loads(RELEASED.read_text())
    config = asdict(Config.load(RELEASED))
    for section, stated in values.items():
        if isinstance(stated, dict):
            assert {name: config[section][name] for name in stated} == stated
    assert config["window"] == values["window"]


def saved_before_kinds(**changes):
    """Return the generator's fields as saved when there was only one kind of generator."""
    fields = ("blocks", "d_max", "base_filters", "reduction", "dropout", "additive_skip")
    waveform = asdict(preset("restoration-waveform").generator)
    return {name: waveform[name] for name in fields} | changes


def saved_before_orders():
    """Return the generator's fields as saved before subpixel layers had an order."""
    later = ("subpixel", "replication", "fine_n_fft")
    return {k: v for k, v in asdict(preset("demo").generator).items() if k not in later}


def test_a_configuration_saved_before_kinds_is_of_the_waveform_generator(tmp_path):
    path = tmp_path / "config.json"
    values = {"preset": "restoration", "window": 16384, "generator": saved_before_kinds(d_max=3)}
    path.write_text(json.dumps(values))
    config = Config.load(path)
    before = preset("restoration-waveform")
    generator = replace(before.generator, d_max=3, subpixel=None)
    assert config == replace(before, generator=generator)


@pytest.mark.parametrize(
    ("generator", "order"),
    [
        ({"d_max": 1}, "interleaved"),
        (asdict(preset("demo").generator), "interleaved"),
        (asdict(preset("demo").generator) | {"subpixel": None}, None),
        (saved_before_orders(), None),
        (saved_before_kinds(), None),
        (saved_before_kinds(subpixel="interleaved"), "interleaved"),
    ],
)
def test_a_configuration_saved_before_orders_has_the_order_of_that_time(generator, order, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"preset": "demo", "generator": generator}))
    config = Config.load(path)
    assert config.generator.subpixel == order
    config.save(path)
    assert Config.load(path) == config


def test_a_configuration_saved_before_corrections_has_none():
    """As in the run folders of the preset `restoration` of that time."""
    generator = asdict(preset("restoration").generator)
    for later in ("fine_n_fft", "replication", "subpixel"):
        del generator[later]
        config = Config.from_dict({"preset": "restoration", "generator": generator})
        assert config.generator.fine_n_fft is None
        assert config.generator.replication == generator.get("replication")


def test_a_config_file_keeps_the_generator_kind_of_its_preset():
    config = Config.from_dict({"preset": "restoration", "generator": {"d_max": 0}})
    assert (config.generator.kind, config.generator.d_max) == ("spectral", 0)


def test_restoration_is_spectral_at_full_band():
    config = preset("restoration")
    assert (config.window, config.generator.kind) == (255 * 1024, "spectral")
    assert (config.generator.n_fft, config.generator.bands) == (2048, 256)
    assert config.generator.replication == 160
    assert config.generator.fine_n_fft == 16384
    assert set(config.weights.active()) == {"log_ratio", "multi_resolution"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "phase"}, "kind is 'phase'; choose one of waveform, spectral"),
        ({"replication": 18}, "replication is 18; expected a multiple of 4 from 4 to 1024"),
        ({"replication": 1028}, "replication is 1028"),
        ({"fine_n_fft": 2048}, "fine_n_fft is 2048; expected a power of two above 2048"),
        ({"fine_n_fft": 5000}, "fine_n_fft is 5000"),
        ({"kind": "spectral", "additive_skip": True}, "set additive_skip to false"),
        ({"n_fft": 1000}, "n_fft is 1000; expected a power of two"),
        ({"n_fft": 8}, "n_fft is 8; expected 16 or more"),
        ({"bands": 0}, "bands is 0"),
        ({"context": 0}, "context is 0"),
        ({"blocks": 0}, "blocks is 0"),
        ({"d_max": -1}, "d_max is -1"),
        ({"dropout": 1.0}, r"dropout is 1\.0;"),
    ],
)
def test_bad_generators_are_named(changes, words):
    with pytest.raises(InputError, match=words) as caught:
        Config.from_dict({"generator": changes})
    assert "\n" not in str(caught.value)


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
def test_bad_files_are_named(text, words, tmp_path):
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
        ("time=x", "loss term 'time' is 'x'; expected a number"),
        ("time=-1", "expected 0 or more"),
        ("time=inf", "expected 0 or more"),
    ],
)
def test_bad_losses_are_named(expression, words):
    with pytest.raises(InputError, match=words):
        parse_loss(expression)
