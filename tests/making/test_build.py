import dataclasses

import pytest

from tests.audio.signals import noise
from tfaudiogan import extras
from tfaudiogan.corpus.splits import SPLITS
from tfaudiogan.errors import InputError
from tfaudiogan.making.build import Recipe, build_corpus


def make(recipe):
    if "unusable" in recipe.settings:
        raise InputError(f"{recipe.name} is unusable")
    audio = noise(2000, recipe.settings["seed"])
    return 0.5 * audio, audio


@pytest.fixture
def recipes(tmp_path):
    found = []
    for number in range(6):
        paths = (tmp_path / f"{number}.a", tmp_path / f"{number}.b")
        for path in paths:
            path.write_text(path.name)
        settings = {"seed": number}
        found.append(Recipe(str(number), SPLITS[number % 3], f"{number}.a", paths, settings))
    return found


def build(recipes, tmp_path, **options):
    out = tmp_path / "corpus"
    return build_corpus(out, recipes, make, task="pairs", sample_rate=8000, jobs=1, **options)


def test_each_recipe_becomes_a_pair_once(recipes, tmp_path):
    corpus, report = build(recipes, tmp_path)
    assert report.rendered == tuple("012345")
    assert [pair.source for pair in corpus.pairs] == [recipe.source for recipe in recipes]
    _, report = build(recipes, tmp_path)
    assert (report.rendered, report.skipped) == ((), tuple("012345"))


def test_changed_files_settings_and_splits_are_made_again(recipes, tmp_path):
    build(recipes, tmp_path)
    recipes[1].paths[1].write_text("changed")
    recipes[2] = dataclasses.replace(recipes[2], settings={"seed": 20})
    recipes[3] = dataclasses.replace(recipes[3], split="test")
    corpus, report = build(recipes, tmp_path, overwrite=True)
    assert report.rendered == ("1", "2", "3")
    assert corpus.pairs[3].split == "test"


def test_pairs_without_a_recipe_leave_the_manifest(recipes, tmp_path):
    build(recipes, tmp_path)
    corpus, _ = build(recipes[:4], tmp_path, overwrite=True)
    assert [pair.name for pair in corpus.pairs] == list("0123")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda recipes: [dataclasses.replace(recipes[0], settings={"seed": 20}), *recipes[1:]],
         r"holds 0 made with seed 0, not 20; .*--overwrite"),
        (lambda recipes: recipes[1:], r"holds 0, which is not one of the 5 tracks; .*--overwrite"),
    ],
    ids=["settings", "sources"],
)  # fmt: skip
def test_pairs_are_removed_only_with_overwrite(change, words, recipes, tmp_path):
    before, _ = build(recipes, tmp_path)
    with pytest.raises(InputError, match=words):
        build(change(recipes), tmp_path)
    assert type(before).load(before.folder) == before


def test_a_split_that_is_not_named_is_used_in_full(recipes, tmp_path):
    corpus, _ = build(recipes, tmp_path, tracks={"train": 1, "test": 1})
    counts = {split: len(corpus.split(split)) for split in SPLITS}
    assert counts == {"train": 1, "validation": 2, "test": 1}


def test_pairs_of_another_rate_are_replaced_only_with_overwrite(recipes, tmp_path):
    build(recipes, tmp_path)
    options = {"task": "pairs", "sample_rate": 16000, "jobs": 1}
    with pytest.raises(InputError, match="sample_rate 8000, not 16000"):
        build_corpus(tmp_path / "corpus", recipes, make, **options)
    corpus, report = build_corpus(tmp_path / "corpus", recipes, make, **options, overwrite=True)
    assert (corpus.sample_rate, len(report.rendered)) == (16000, 6)


def test_refusals_are_reported_and_the_rest_is_made(recipes, tmp_path):
    recipes[0] = dataclasses.replace(recipes[0], settings={"unusable": True})
    recipes[1].paths[0].unlink()
    corpus, report = build(recipes, tmp_path)
    assert len(corpus.pairs) == 4
    assert report.refused["0"] == "0 is unusable"
    assert "1.a cannot be read: No such file" in report.refused["1"]


def test_nothing_usable_is_an_error_with_the_first_reason(recipes, tmp_path):
    unusable = [dataclasses.replace(r, settings={"unusable": True}) for r in recipes]
    with pytest.raises(InputError, match=r"none of the 6 tapes could be rendered.*0 is unusable"):
        build(unusable, tmp_path, what="tapes")


def test_the_checksum_covers_every_file(recipes):
    checksums = {recipe.checksum() for recipe in recipes}
    assert len(checksums) == 6
    before = recipes[0].checksum()
    recipes[0].paths[1].write_text("changed")
    assert recipes[0].checksum() != before


def test_beam_without_its_extra_is_refused_before_anything_is_written(
    recipes, tmp_path, monkeypatch
):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"tfaudiogan\[beam\]"):
        build(recipes, tmp_path, beam=[])
    assert not (tmp_path / "corpus").exists()
