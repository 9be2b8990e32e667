import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from tests.audio.signals import noise
from tfaudiogan.corpus.journal import JOURNAL, append_journal, read_journal
from tfaudiogan.corpus.manifest import MANIFEST, format_header, format_row
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.writing import CorpusWriter

RATE = 8000


@pytest.fixture(autouse=True)
def long_manifests(monkeypatch):
    """Make a manifest of 40 rows count as long."""
    monkeypatch.setattr(CorpusWriter, "MANIFEST_ROWS", 40)


def write(writer, number, settings=None):
    name = f"{number:03d}"
    return writer.write_pair(
        noise(100, number),
        noise(100, number + 1),
        name=name,
        split="train",
        source=f'a "quoted", {name}',
        source_sha256="0",
        settings=settings or {"number": number},
    )


def names(folder):
    return [pair.name for pair in Corpus.load(folder).pairs]


def test_a_track_of_very_many_sounding_ranges_is_read(tmp_path):
    ranges = tuple((2048 * i, 2048 * i + 1024) for i in range(20_000))
    writer = CorpusWriter(tmp_path, task="instrument", sample_rate=8000)
    audio = np.ones(8000, "f4")
    origin = {"source": "a.mid", "source_sha256": "0", "settings": {}}
    writer.record(writer.write_pair(audio, audio, name="a", split="train", **origin))
    writer.save()
    pair = replace(Corpus.load(tmp_path).pairs[0], sounding=ranges)
    (tmp_path / MANIFEST).write_text(format_header() + format_row(pair), encoding="utf-8")
    assert Corpus.load(tmp_path).pairs[0].sounding == ranges
    assert CorpusWriter(tmp_path, "instrument", 8000).pairs["a"].sounding == ranges


def test_a_short_manifest_is_written_after_each_pair(tmp_path):
    writer = CorpusWriter(tmp_path, "pairs", RATE)
    for number in range(39):
        writer.record(write(writer, number))
        assert len(names(tmp_path)) == number + 1
    assert not (tmp_path / JOURNAL).exists()


def test_a_long_manifest_is_seldom_written_and_nothing_is_lost(tmp_path, monkeypatch):
    writer = CorpusWriter(tmp_path, "pairs", RATE)
    writer.record(*(write(writer, number) for number in range(100)))
    saves = []
    monkeypatch.setattr(
        CorpusWriter, "save", lambda self, save=CorpusWriter.save: (saves.append(1), save(self))
    )
    for number in range(100, 130):
        writer.record(write(writer, number))
    assert 3 <= len(saves) <= 6
    assert len(names(tmp_path)) < 130
    # The process is killed here; another one goes on.
    another = CorpusWriter(tmp_path, "pairs", RATE)
    assert names(tmp_path) == [f"{number:03d}" for number in range(130)]
    assert not (tmp_path / JOURNAL).exists()
    assert another.done("129", "train", "0", {"number": 129})


def test_a_replaced_row_is_replaced_in_both_places(tmp_path):
    writer = CorpusWriter(tmp_path, "pairs", RATE)
    writer.record(*(write(writer, number) for number in range(60)))
    writer.record(write(writer, 7, {"number": "new"}))
    assert (tmp_path / JOURNAL).exists()
    for later in (writer, CorpusWriter(tmp_path, "pairs", RATE)):
        later.save()
        settings = {pair.name: pair.settings["number"] for pair in Corpus.load(tmp_path).pairs}
        assert settings["007"] == "new"
        assert len(settings) == 60


def test_dropped_rows_do_not_come_back_from_the_journal(tmp_path):
    writer = CorpusWriter(tmp_path, "pairs", RATE)
    writer.record(*(write(writer, number) for number in range(60)))
    writer.record(write(writer, 60))
    writer.keep_only(["001", "060"])
    assert names(tmp_path) == ["001", "060"]
    CorpusWriter(tmp_path, "pairs", RATE)
    assert names(tmp_path) == ["001", "060"]


def test_an_unfinished_line_of_the_journal_loses_only_that_line(tmp_path):
    writer = CorpusWriter(tmp_path, "pairs", RATE)
    first, second = write(writer, 1), write(writer, 2)
    path = tmp_path / JOURNAL
    append_journal(path, [first])
    with path.open("a") as stream:
        stream.write(json.dumps(second.to_row())[:50])
    assert read_journal(path) == [first]
    append_journal(path, [second])
    assert read_journal(path) == [first, second]


def test_the_manifest_is_the_same_with_and_without_a_journal(tmp_path):
    for folder, at_once in ((tmp_path / "a", True), (tmp_path / "b", False)):
        writer = CorpusWriter(folder, "pairs", RATE)
        pairs = [write(writer, int(n)) for n in np.random.default_rng(0).permutation(50)]
        for pair in pairs if not at_once else ():
            writer.record(pair)
        writer.record(*(pairs if at_once else ()))
        writer.save()
    assert (tmp_path / "a" / MANIFEST).read_bytes() == (tmp_path / "b" / MANIFEST).read_bytes()


def test_processes_get_a_writer_without_its_rows(tmp_path):
    writer = CorpusWriter(tmp_path, "pairs", RATE)
    writer.record(*(write(writer, number) for number in range(20)))
    sent = pickle.dumps(writer)
    assert b"quoted" not in sent
    assert pickle.loads(sent).folder == writer.folder
