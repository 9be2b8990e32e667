"""Test rendering with Apache Beam's direct runners; skipped if apache-beam is missing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.audio.signals import noise
from tests.making.pieces import SOUNDFONT, contents, write_piece
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.splits import SPLITS
from tfaudiogan.errors import InputError
from tfaudiogan.extras import missing
from tfaudiogan.making import beam as beam_module
from tfaudiogan.making import instrument, synthesis
from tfaudiogan.making.build import Recipe, build_corpus
from tfaudiogan.making.instrument import render_corpus
from tfaudiogan.making.phone import render_phone
from tfaudiogan.making.superres import render_superres

needs_beam = pytest.mark.skipif(bool(missing("apache_beam")), reason="needs apache-beam")
RETRYING = ["--runner=BundleBasedDirectRunner"]
# Pipelines reach Flink and Spark through a job service; this one runs in this process.
PORTABLE = ["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK"]


@dataclass(frozen=True)
class Maker:
    """Makes noise. The failure named in a track's ``settings`` happens at the first attempt."""

    tries: Path

    def __call__(self, recipe):
        tries = self.tries / recipe.name
        first = not tries.exists()
        tries.open("a").write("x")
        if recipe.settings.get("unusable"):
            raise InputError(f"{recipe.name} is unusable")
        if first and recipe.settings.get("fails"):
            raise RuntimeError("worker lost")
        time.sleep(recipe.settings.get("seconds", 0))
        audio = noise(2000, recipe.settings["seed"])
        return 0.5 * audio, audio


def recipes_in(folder, count=6, special=None, **settings):
    """Return recipes; number 3 has the special settings."""
    found = []
    for number in range(count):
        path = folder / f"{number}.a"
        path.write_text(path.name)
        own = {"seed": number, **settings, **((special or {}) if number == 3 else {})}
        found.append(Recipe(str(number), SPLITS[number % 3], path.name, (path,), own))
    return found


def build(recipes, folder, out="corpus", **options):
    (folder / "tries").mkdir(exist_ok=True)
    maker = Maker(folder / "tries")
    return build_corpus(
        folder / out, recipes, maker, task="pairs", sample_rate=8000, jobs=1, **options
    )


def tries(folder):
    return {path.name: len(path.read_text()) for path in (folder / "tries").iterdir()}


@needs_beam
@pytest.mark.parametrize("options", [[], PORTABLE], ids=["direct", "portable"])
def test_beam_writes_the_bytes_of_a_local_run(options, tmp_path):
    recipes = recipes_in(tmp_path, special={"unusable": True})
    _, here = build(recipes, tmp_path, "here")
    corpus, there = build(recipes, tmp_path, "there", beam=options)
    assert len(corpus.pairs) == 5
    assert contents(tmp_path / "here") == contents(tmp_path / "there")
    assert here == there
    _, again = build(recipes, tmp_path, "there", beam=options)
    assert again.rendered == () and again.skipped == here.rendered
    assert not list((tmp_path / "there").glob(".*"))


@needs_beam
def test_a_retried_bundle_makes_only_the_lost_pairs(tmp_path):
    recipes = recipes_in(tmp_path, special={"fails": True})
    _, report = build(recipes, tmp_path, beam=RETRYING)
    assert report.rendered == tuple("012345")
    assert tries(tmp_path) == dict.fromkeys("01245", 1) | {"3": 2}
    build(recipes, tmp_path, "local")
    assert contents(tmp_path / "corpus") == contents(tmp_path / "local")


@needs_beam
def test_a_failed_pipeline_keeps_the_finished_pairs(tmp_path):
    recipes = recipes_in(tmp_path, special={"fails": True})
    with pytest.raises(
        InputError, match=r"of 6 tracks unfinished .*worker lost.*run again"
    ) as error:
        build(recipes, tmp_path, beam=[])
    assert "\n" not in str(error.value)
    done = len(Corpus.load(tmp_path / "corpus").pairs)
    corpus, report = build(recipes, tmp_path, beam=[])
    assert len(report.skipped) == done and len(corpus.pairs) == 6
    assert tries(tmp_path) == dict.fromkeys("01245", 1) | {"3": 2}


@needs_beam
def test_an_unknown_runner_is_named(tmp_path):
    with pytest.raises(InputError, match="Nowhere"):
        build(recipes_in(tmp_path), tmp_path, beam=["--runner=Nowhere"])


@needs_beam
@pytest.mark.parametrize("task", [render_corpus, render_phone, render_superres])
def test_beam_writes_the_bytes_of_a_local_run_for_every_task(task, tmp_path):
    for number in range(2):
        write_piece(tmp_path / "midi" / f"{number}.mid", 50 + number)
    font = SOUNDFONT if task is render_corpus else (SOUNDFONT,)
    options = {"soundfont" if task is render_corpus else "soundfonts": font, "sample_rate": 8000}
    if task is render_phone:
        options["preset"] = "light"
    task(tmp_path / "midi", tmp_path / "here", jobs=1, **options)
    task(tmp_path / "midi", tmp_path / "there", beam=[], **options)
    assert len(contents(tmp_path / "here")) == 5
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


@needs_beam
def test_a_worker_with_another_soundfont_fails(tmp_path, monkeypatch):
    write_piece(tmp_path / "midi" / "0.mid")
    shutil.copy(SOUNDFONT, tmp_path / "font.sf2")
    check = synthesis.check_same_synthesis

    def exchanged(path, *rest):
        with path.open("ab") as stream:
            stream.write(b"other")
        check(path, *rest)

    monkeypatch.setattr(instrument, "check_same_synthesis", exchanged)
    with pytest.raises(InputError, match=r"soundfont .* of this machine is"):
        render_corpus(tmp_path / "midi", tmp_path / "out", soundfont=tmp_path / "font.sf2", beam=[])


def report(folder, name, recipes, tmp_path):
    """Write what a killed run leaves: pairs and their reports in an outbox, but no manifest."""
    build(recipes, tmp_path, "whole")
    whole = Corpus.load(tmp_path / "whole")
    shutil.copytree(whole.folder, folder)
    (folder / "manifest.csv").unlink()
    outbox = folder / f".outbox-{name}"
    outbox.mkdir()
    for number, pair in enumerate(whole.pairs):
        (outbox / f"{number}.json").write_text(json.dumps(pair.to_row()))
    return outbox


def test_reports_of_a_killed_run_are_recorded(tmp_path):
    recipes = recipes_in(tmp_path)
    outbox = report(tmp_path / "corpus", "killed", recipes, tmp_path)
    (outbox / "7.json").write_text(json.dumps({"refused": "7 is unusable"}))
    _, found = build(recipes, tmp_path)
    assert found.rendered == () and found.skipped == tuple("012345")
    assert contents(tmp_path / "corpus") == contents(tmp_path / "whole")


def test_pairs_reported_with_other_settings_are_made_again(tmp_path):
    recipes = recipes_in(tmp_path)
    report(tmp_path / "corpus", "killed", recipes, tmp_path)
    _, found = build(recipes_in(tmp_path, special={"seed": 30}), tmp_path, overwrite=True)
    assert found.rendered == ("3",)


def test_a_missing_beam_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(beam_module, "require", _refuse)
    with pytest.raises(InputError, match="beam apache_beam"):
        build(recipes_in(tmp_path), tmp_path, beam=[])


def _refuse(*what):
    raise InputError(" ".join(what))


def test_reports_that_a_file_system_shows_late_are_waited_for(tmp_path, monkeypatch):
    def run(work, items, options):
        threading.Timer(0.7, lambda: [work(item) for item in items]).start()

    monkeypatch.setattr(beam_module, "require", lambda *what: None)
    monkeypatch.setattr(beam_module, "_run_pipeline", run)
    _, report = build(recipes_in(tmp_path), tmp_path, beam=[])
    assert report.rendered == tuple("012345")


def test_workers_without_the_folder_are_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(beam_module, "require", lambda *what: None)
    monkeypatch.setattr(beam_module, "_run_pipeline", lambda *what: None)
    monkeypatch.setattr(beam_module, "_VISIBLE_SECONDS", 0.0)
    with pytest.raises(InputError, match=r"6 of 6 tracks unfinished .*each must see .*corpus"):
        build(recipes_in(tmp_path), tmp_path, beam=[])


SCRIPT = """
import sys
from pathlib import Path
from tests.making.test_beam import build, recipes_in

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    options = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    build(recipes_in(folder, 24, seconds=0.3), folder, beam=options)
"""


@needs_beam
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_run_killed_with_its_workers_continues(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, script, tmp_path],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("corpus/.outbox-*/*.json"))) < 4:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    recipes = recipes_in(tmp_path, 24, seconds=0.3)
    before = tries(tmp_path)
    _, found = build(recipes, tmp_path, beam=[])
    assert 4 <= len(found.skipped) < 24 and len(found.rendered) == 24 - len(found.skipped)
    assert {name: tries(tmp_path)[name] for name in found.skipped} == {
        name: before[name] for name in found.skipped
    }
    build(recipes, tmp_path, "local")
    assert contents(tmp_path / "corpus") == contents(tmp_path / "local")
