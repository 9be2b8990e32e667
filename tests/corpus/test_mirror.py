"""Test corpora at URLs, with fsspec's memory and local file systems."""

import fsspec
import numpy as np
import pytest

from tests.conftest import write_corpus
from tfaudiogan.corpus import mirror as module
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError

BUCKET = "memory://bucket/piano"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("original"), sample_rate=8000, seconds=0.5)


@pytest.fixture(autouse=True)
def bucket(original, tmp_path, monkeypatch):
    """Put the corpus into memory, empty the cache, and record the paths that are read."""
    monkeypatch.setenv("TFAUDIOGAN_CACHE", str(tmp_path / "cache"))
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.put(f"{original.folder}/", "/bucket/piano/", recursive=True)
    read = []
    get_file = type(system).get_file
    monkeypatch.setattr(
        type(system),
        "get_file",
        lambda self, path, *rest, **named: (
            read.append(path.split("piano/")[1]),
            get_file(self, path, *rest, **named),
        ),
    )
    yield system, read
    system.store.clear()


def sides(corpus):
    return sorted(side for pair in corpus.pairs for side in (pair.input, pair.target))


def test_a_url_gives_the_same_corpus(original, bucket):
    corpus = Corpus.load(BUCKET)
    assert corpus.folder.name == "piano"
    assert (corpus.pairs, corpus.checksum) == (original.pairs, original.checksum)
    for pair in corpus.pairs:
        np.testing.assert_array_equal(corpus.read(pair), original.read(pair))
    assert sorted(bucket[1]) == sides(original)


def test_the_second_load_copies_nothing(bucket):
    Corpus.load(BUCKET)
    bucket[1].clear()
    Corpus.load(BUCKET)
    assert bucket[1] == []


def test_a_url_of_files(original):
    assert Corpus.load(f"file://{original.folder}").pairs == original.pairs


def test_an_interrupted_copy_continues(original, bucket):
    system, read = bucket
    lost = original.pairs[2].target
    held = system.store.pop(f"/bucket/piano/{lost}")
    with pytest.raises(InputError, match=f"no complete corpus at .*{lost}") as error:
        Corpus.load(BUCKET)
    assert "\n" not in str(error.value)
    system.store[f"/bucket/piano/{lost}"] = held
    copied = set(read)
    read.clear()
    assert Corpus.load(BUCKET).pairs == original.pairs
    assert lost in read and set(read) | copied == set(sides(original))
    assert len(read) < len(sides(original))


def test_changed_pairs_are_copied_again(original, bucket):
    system, read = bucket
    before = Corpus.load(BUCKET)
    read.clear()
    lines = (original.folder / "manifest.csv").read_text().splitlines(keepends=True)
    gone, changed = before.pairs[-1], before.pairs[0]
    kept = [line for line in lines if not line.startswith(f"{gone.name},")]
    text = "".join(kept).replace(f"made,{changed.source_sha256},", "made,other,", 1)
    system.pipe("/bucket/piano/manifest.csv", text.encode())
    after = Corpus.load(BUCKET)
    changed = [pair for pair in after.pairs if pair.source_sha256 == "other"]
    assert len(changed) == 1 and len(after.pairs) == len(before.pairs) - 1
    assert sorted(read) == sorted([changed[0].input, changed[0].target])
    assert not (after.folder / gone.input).exists()


def test_an_incomplete_copy_is_refused(original, bucket, monkeypatch):
    system, _ = bucket
    monkeypatch.setattr(type(system), "size", lambda self, path: 10**6)
    with pytest.raises(InputError, match="of the 1000000 bytes"):
        Corpus.load(BUCKET)
    assert not list(module._cache().rglob("*.wav"))


def test_a_manifest_that_points_outside_the_corpus_is_refused(original, bucket):
    text = (original.folder / "manifest.csv").read_text()
    bad = text.replace(original.pairs[0].input, "../../outside.wav", 1)
    bucket[0].pipe("/bucket/piano/manifest.csv", bad.encode())
    with pytest.raises(InputError, match="outside the corpus"):
        Corpus.load(BUCKET)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("memory://bucket/none", "no complete corpus at memory://bucket/none"),
        ("file:///nowhere/at/all", "no complete corpus at file:///nowhere"),
        ("nosuch://bucket/piano", "nosuch"),
    ],
)
def test_bad_urls(url, words):
    with pytest.raises(InputError, match=words) as error:
        Corpus.load(url)
    assert "\n" not in str(error.value)
