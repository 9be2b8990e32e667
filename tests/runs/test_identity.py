import json

import pytest

from tfaudiogan.errors import InputError
from tfaudiogan.runs.identity import check_given, settle

MADE_OF = {"steps": 3, "corpus": "a" * 64, "config": {"training": {"batch": 4}}}
ADVICE = "give the same, or another --out"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 4}, "made with steps 3, not 4; give the same"),
        ({"corpus": "b" * 64}, r'made with corpus "a{38}…, not "b{38}…'),
        ({"config": {"training": {"batch": 8}}}, "made with config.training.batch 4, not 8"),
        ({"config": {}}, "made with config.training.batch 4, not null"),
        ({"steps": 4, "config": {}}, r"made with steps 3, not 4 \(and 1 more\)"),
    ],
)
def test_differences_are_named_with_both_values(change, words, tmp_path):
    path = tmp_path / "experiment.json"
    settle(path, MADE_OF, ADVICE)
    settle(path, MADE_OF, ADVICE)
    with pytest.raises(InputError, match=words):
        settle(path, MADE_OF | change, ADVICE)
    assert json.loads(path.read_text()) == MADE_OF


def test_only_given_values_are_compared(tmp_path):
    check_given(tmp_path, MADE_OF, {"steps": 3, "corpus": None}, ADVICE)
    check_given(tmp_path, MADE_OF, {"config": {"training": {"batch": 4}}}, ADVICE)
    with pytest.raises(InputError, match="made with monitor null, not 1"):
        check_given(tmp_path, MADE_OF, {"monitor": 1}, ADVICE)


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000])
def test_a_damaged_file_is_named(text, tmp_path):
    (tmp_path / "experiment.json").write_text(text)
    with pytest.raises(InputError, match=r"experiment\.json is damaged"):
        settle(tmp_path / "experiment.json", {"steps": 1}, ADVICE)
