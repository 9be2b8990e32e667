from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.runs.tiny import TINY
from tfaudiogan.errors import InputError
from tuning.settings import Settings, claim
from tuning.space import Space

CORPUS = SimpleNamespace(checksum="a" * 64, description="instrument: 3 tracks")


@pytest.mark.parametrize(
    ("steps", "rounds", "last"), [(1, 1, 1), (9, 9, 1), (10, 5, 2), (150, 9, 14)]
)
def test_rounds_share_the_steps(steps, rounds, last):
    settings = Settings(steps=steps)
    assert settings.rounds == rounds
    assert steps - (rounds - 1) * settings.steps_per_round == last


@pytest.mark.parametrize(
    ("objective", "score", "better"),
    [("val_snr", 3.0, 4.0), ("val_lsd", 1.5, 1.0), ("weighted", 0.0, 0.1)],
)
def test_objectives_know_their_value_and_direction(objective, score, better):
    settings = Settings(objective=objective, lsd_weight=2.0)
    assert settings.score({"val_snr": 3.0, "val_lsd": 1.5}) == score
    assert settings.better(better, score)
    assert not settings.better(score, better)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tuner": "grid"}, "unknown tuner 'grid'"),
        ({"objective": "loss"}, "unknown objective 'loss'"),
        ({"minutes": 1.0}, "either --steps or --minutes"),
        ({"steps": None}, "either --steps or --minutes"),
        ({"steps": 0}, "0 steps"),
        ({"steps": None, "minutes": float("nan")}, "nan minutes"),
        ({"steps": None, "minutes": 0.0}, "0 minutes"),
    ],
)
def test_invalid_settings_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        Settings(**options)


@pytest.mark.parametrize(
    ("corpus", "base", "narrowing", "settings", "words"),
    [
        (CORPUS, TINY, {}, Settings(), None),
        (
            SimpleNamespace(checksum="b" * 64, description="other"),
            TINY,
            {},
            Settings(),
            r'made with data.sha256 "a{16}", not "b{16}"',
        ),
        (CORPUS, replace(TINY, window=1024), {}, Settings(), "base.window 512, not 1024"),
        (CORPUS, TINY, {"d_max": 1}, Settings(), r"space.d_max \[0, 1\], not 1"),
        (CORPUS, TINY, {"lambda_f": [1, 2]}, Settings(), r"space.lambda_f \[0.1, 100.0\]"),
        (CORPUS, TINY, {}, Settings(tuner="bayesian"), 'settings.tuner "random"'),
    ],
)
def test_a_folder_belongs_to_one_search(corpus, base, narrowing, settings, words, tmp_path):
    claim(tmp_path / "out", CORPUS, TINY, Space.over(TINY).to_dict(), Settings())
    arguments = (tmp_path / "out", corpus, base, Space.over(base, narrowing).to_dict(), settings)
    if words is None:
        claim(*arguments)
        return
    with pytest.raises(InputError, match=words) as caught:
        claim(*arguments)
    assert "\n" not in str(caught.value)


def test_a_damaged_folder_is_reported(tmp_path):
    (tmp_path / "search.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        claim(tmp_path, CORPUS, TINY, {}, Settings())
