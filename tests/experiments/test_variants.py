import dataclasses
import json

import keras
import numpy as np
import pytest

from tests.experiments.conftest import TINY, with_modern
from tfaudiogan.config import Config, LossWeights, OptimizerConfig, preset
from tfaudiogan.errors import InputError
from tfaudiogan.experiments.variants import (
    PAPER_ROWS,
    Variant,
    after_starts,
    composite_losses,
    differences,
    load_row,
    parse_row,
    relative_variant,
    table1_variants,
)
from tfaudiogan.models import build_autoencoder
from tfaudiogan.training.build import build_model


def test_the_composite_losses_are_equations_20_to_23_with_the_papers_weights():
    assert [row.config.weights for row in composite_losses(TINY)] == [
        LossWeights(time=1.0),
        LossWeights(time=1.0, frequency=10.0),
        LossWeights(time=1.0, feature=0.1),
        LossWeights(time=1.0, adversarial=1e-4),
    ]
    assert composite_losses(TINY)[1].label == "L_time + 10 L_freq"


def test_rows_differ_from_the_base_in_their_loss_and_the_last_in_its_optimizer(monkeypatch):
    modern = with_modern(monkeypatch)
    *paper, relative, last = table1_variants(TINY)
    same = {"weights": TINY.weights, "preset": TINY.preset}
    assert {dataclasses.replace(row.config, **same) for row in paper} == {TINY}
    assert [row.name for row in paper] == list(PAPER_ROWS)
    assert last.config.optimizer == modern.optimizer
    assert dataclasses.replace(last.config, optimizer=TINY.optimizer, **same) == TINY
    assert relative.config == paper[-1].config.changed(
        {
            "adversarial": {"relative_penalty": True},
            "optimizer": {"discriminator_learning_rate": 3e-4},
        }
    )
    assert relative.label == "L_time + 0.0001 L_adv, relative penalty"
    assert list(differences(relative, TINY)) == [
        ("adversarial.relative_penalty", True, False),
        ("optimizer.discriminator_learning_rate", 3e-4, 1e-3),
    ]


def test_the_papers_critic_has_the_papers_penalty_whatever_the_base_says():
    base = TINY.changed({"adversarial": {"relative_penalty": True, "n_critic": 3}})
    paper, relative = composite_losses(base)[-1], relative_variant(base)
    assert not paper.config.adversarial.relative_penalty
    assert relative.config.adversarial.relative_penalty
    assert [row.n_critic for row in (*composite_losses(base), relative)] == [0, 0, 0, 3, 3]


def test_a_lower_rate_of_the_critic_is_kept_in_the_relative_row():
    base = TINY.changed({"optimizer": {"discriminator_learning_rate": 1e-4}})
    assert relative_variant(base).config.optimizer.discriminator_learning_rate == 1e-4


def written(folder, values) -> str:
    path = folder / "row.json"
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return str(path)


def test_a_row_says_what_differs_from_the_time_loss(tmp_path):
    values = {"label": "Longer", "window": 1024, "training": {"batch": 2}}
    row = parse_row(f"long={written(tmp_path, values)}", TINY)
    assert (row.name, row.label, row.steps) == ("long", "Longer", None)
    assert row.config == composite_losses(TINY)[0].config.changed(
        {"window": 1024, "training": {"batch": 2}}
    )
    assert list(differences(row, TINY)) == [("window", 1024, 512), ("training.batch", 2, 4)]


def test_a_row_that_names_a_preset_is_of_that_preset(tmp_path):
    path = written(tmp_path, {"preset": "demo", "steps": 7})
    assert parse_row(f"small={path}", TINY).config == preset("demo")
    assert [parse_row(f"small={path}{end}", TINY).steps for end in ("", ":9")] == [7, 9]


def test_a_saved_row_is_read_back(tmp_path):
    changed = TINY.changed({"weights": {"frequency": 2.0}})
    row = Variant("fast", "Fast", changed, steps=5, start="time")
    row.save(tmp_path / "fast.json")
    assert load_row("fast", tmp_path / "fast.json", Config()) == row


@pytest.mark.parametrize(
    ("text", "values", "words"),
    [
        ("{path}", {}, "expected NAME=FILE"),
        ("a/b={path}", {}, "expected NAME=FILE"),
        ("={path}", {}, "expected NAME=FILE"),
        ("time={path}", {}, "every table has a row of this name"),
        ("new={path}", "{", "not JSON"),
        ("new={path}", {"label": 3}, "label is 3"),
        ("new={path}", {"label": "two\nlines"}, "one line"),
        ("new={path}", {"steps": 0}, "steps is 0"),
        ("new={path}", {"start": 3}, "start is 3"),
        ("new={path}:0", {}, "steps is 0"),
        ("new={path}:-5", {}, "there is no file .*:-5"),
        ("new={path}x", {}, "there is no file"),
        ("new={path}", {"windows": 3}, "unknown name 'windows'"),
        ("new={path}", {"window": 513}, "window is 513"),
        ("new={path}", {"preset": "huge"}, "'huge'"),
    ],
)
def test_bad_rows_are_refused(text, values, words, tmp_path):
    with pytest.raises(InputError, match=words):
        parse_row(text.format(path=written(tmp_path, values)), TINY)


def test_rows_come_after_the_row_that_they_start_from():
    blocked = TINY.in_order(None)
    rows = [
        Variant("last", "Last", TINY, start="middle"),
        Variant("middle", "Middle", TINY, start="first"),
        Variant("other", "Other", TINY),
        Variant("first", "First", blocked),
    ]
    ordered = after_starts(rows)
    assert [row.name for row in ordered] == ["first", "middle", "last", "other"]
    orders = [row.config.generator.subpixel for row in ordered]
    assert orders == [None, None, None, TINY.generator.subpixel]


@pytest.mark.parametrize(
    ("starts", "words"),
    [
        ({"a": "c"}, "row a: start is 'c', and there is no such row; choose of b"),
        ({"a": "a"}, "row a starts from itself"),
        ({"a": "b", "b": "a"}, "row a starts from itself"),
    ],
)
def test_a_start_must_be_another_row(starts, words):
    with pytest.raises(InputError, match=words):
        after_starts([Variant(name, name, TINY, start=starts.get(name)) for name in "ab"])


def test_all_rows_start_with_the_same_generator(monkeypatch):
    with_modern(monkeypatch)
    starts = []
    for row in table1_variants(TINY):
        autoencoder = build_autoencoder(TINY.window, **vars(TINY.autoencoder))
        keras.utils.set_random_seed(TINY.training.seed)
        starts.append(build_model(row.config, 3, autoencoder).generator.get_weights())
    assert sum(np.abs(weight).sum() for weight in starts[0]) > 0
    for start in starts[1:]:
        for ours, theirs in zip(start, starts[0], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_rows_keep_the_optimizer_settings_of_the_base():
    base = dataclasses.replace(TINY, optimizer=OptimizerConfig(learning_rate=3e-4))
    assert {row.config.optimizer for row in composite_losses(base)} == {base.optimizer}
