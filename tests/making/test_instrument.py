import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.making.pieces import SOUNDFONT, contents, write_piece
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.making import build, instrument
from tfaudiogan.making.instrument import render_corpus
from tfaudiogan.making.midi import Transformation
from tfaudiogan.parallel import run_jobs

RATE = 8000


@pytest.fixture(scope="module")
def midi_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("midi")
    for number in range(4):
        write_piece(folder / f"set {number % 2}" / f"piece-{number}.mid", 50 + number)
    return folder


def render_small(midi, out, **options):
    return render_corpus(
        midi, out, **{"soundfont": SOUNDFONT, "sample_rate": RATE, "jobs": 1, **options}
    )


@pytest.fixture(scope="module")
def rendered(midi_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("corpus")
    corpus, report = render_small(midi_folder, out)
    return corpus, report


@pytest.fixture
def copied(midi_folder, rendered, tmp_path):
    """Writable copies of the MIDI folder and its corpus."""
    shutil.copytree(midi_folder, tmp_path / "midi")
    shutil.copytree(rendered[0].folder, tmp_path / "out")
    return tmp_path / "midi", tmp_path / "out"


NAMES = ("set 0/piece-0", "set 0/piece-2", "set 1/piece-1", "set 1/piece-3")


def test_every_track_becomes_a_pair(rendered):
    corpus, report = rendered
    assert tuple(pair.name for pair in corpus.pairs) == NAMES == report.rendered
    assert report.skipped == () and report.refused == {}
    assert {pair.split for pair in corpus.pairs} == {"train", "validation", "test"}
    assert corpus.task == "instrument" and corpus.sample_rate == RATE
    for pair in corpus.pairs:
        for side in (pair.input, pair.target):
            info = soundfile.info(corpus.folder / side)
            assert (info.frames, info.samplerate, info.channels) == (pair.samples, RATE, 1)
            assert info.subtype == "PCM_16"


def test_manifest_says_what_made_the_pairs(rendered, midi_folder):
    corpus, _ = rendered
    for pair in corpus.pairs:
        assert (midi_folder / pair.source).is_file()
        assert pair.settings["input"]["program"] == 4
        assert pair.settings["target"]["program"] == 0
        assert pair.settings["soundfont"] == "TimGM6mb.sf2"
        assert len(pair.settings["soundfont_sha256"]) == 64
        assert pair.settings["synthesiser"].startswith("FluidSynth ")
        assert pair.settings["gain"] > 0


def test_the_folder_contains_only_the_corpus(rendered):
    names = set(contents(rendered[0].folder))
    sides = {f"{side}/{name}.wav" for side in ("input", "target") for name in NAMES}
    assert names == sides | {"manifest.csv"}


def test_sides_are_aligned_and_differ(rendered):
    corpus, _ = rendered
    for pair in corpus.pairs:
        source, target = corpus.read(pair)
        # Both instruments start within 64 samples, one block, of the same event.
        starts = [np.flatnonzero(np.abs(side) > 1e-3)[0] for side in (source, target)]
        assert abs(starts[0] - starts[1]) <= 64
        correlation = np.corrcoef(source, target)[0, 1]
        assert correlation < 0.9


def test_same_transformation_gives_the_same_bytes_on_both_sides(midi_folder, tmp_path):
    change = Transformation(program=11, velocity=64, fixed_controllers=((64, 0),))
    corpus, _ = render_small(midi_folder, tmp_path, input=change, target=change)
    for pair in corpus.pairs:
        assert (tmp_path / pair.input).read_bytes() == (tmp_path / pair.target).read_bytes()


def test_transformations_are_independent(midi_folder, rendered, tmp_path):
    other = Transformation(program=0, removed_controllers=(64,))
    corpus, _ = render_small(midi_folder, tmp_path, target=other)
    for pair, plain in zip(corpus.pairs, rendered[0].pairs, strict=True):
        # The input keeps its pedal, so the length stays; the target's notes now end.
        assert pair.samples == plain.samples
        assert (tmp_path / pair.input).read_bytes() == (
            rendered[0].folder / plain.input
        ).read_bytes()
        end = corpus.read(pair, start=pair.samples - RATE)
        assert np.abs(end[1]).max() < 0.01 * np.abs(end[0]).max()


def test_existing_pairs_are_skipped(copied):
    midi, out = copied
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.wav")}
    _, report = render_small(midi, out)
    assert report.rendered == () and report.skipped == NAMES
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.wav")} == before


@pytest.mark.parametrize("damage", ["missing", "truncated", "forgotten", "source", "manifest"])
def test_damaged_pairs_are_rendered_again(copied, rendered, damage):
    midi, out = copied
    wav, manifest = out / "target" / f"{NAMES[1]}.wav", out / "manifest.csv"
    if damage == "missing":
        wav.unlink()
    elif damage == "truncated":
        wav.write_bytes(wav.read_bytes()[:5000])
    elif damage == "forgotten":
        lines = manifest.read_text().splitlines(keepends=True)
        manifest.write_text("".join(line for line in lines if not line.startswith(NAMES[1])))
    elif damage == "source":
        write_piece(midi / f"{NAMES[1]}.mid", pitch=70)
    else:
        manifest.unlink()
    _, report = render_small(midi, out)
    assert report.rendered == (NAMES if damage == "manifest" else (NAMES[1],))
    if damage != "source":
        assert contents(out) == contents(rendered[0].folder)


def test_other_settings_replace_every_pair(copied):
    midi, out = copied
    corpus, report = render_small(midi, out, target=Transformation(program=19), overwrite=True)
    assert report.rendered == NAMES
    assert {pair.settings["target"]["program"] for pair in corpus.pairs} == {19}


def test_an_interrupted_run_keeps_only_current_settings_in_the_manifest(copied, monkeypatch):
    midi, out = copied
    monkeypatch.setattr(instrument, "synthesize", _stop)
    with pytest.raises(KeyboardInterrupt):
        render_small(midi, out, target=Transformation(program=19), overwrite=True)
    with (out / "manifest.csv").open(newline="") as stream:
        assert list(csv.DictReader(stream)) == []


def _stop(*arguments, **options):
    raise KeyboardInterrupt


def test_missing_tracks_are_removed_from_the_manifest(copied):
    midi, out = copied
    (midi / f"{NAMES[0]}.mid").unlink()
    corpus, report = render_small(midi, out, overwrite=True)
    assert not {NAMES[0]} & {pair.name for pair in corpus.pairs}
    assert len(corpus.pairs) == 3 and len(report.skipped + report.rendered) == 3


def test_partial_files_of_a_killed_run_are_removed(copied):
    midi, out = copied
    partial = out / "input" / "set 0" / ".piece-0-abcd.partial.wav"
    partial.write_bytes(b"RIFF")
    render_small(midi, out)
    assert not partial.exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_unreadable_files_are_reported_and_change_no_byte_of_the_rest(
    midi_folder, rendered, tmp_path, jobs
):
    midi = tmp_path / "midi"
    shutil.copytree(midi_folder, midi)
    (midi / "corrupt.mid").write_bytes(b"MThd and no more")
    (midi / "empty.mid").write_bytes(b"")
    _, report = render_small(midi, tmp_path / "out", jobs=jobs)
    assert report.rendered == NAMES
    assert set(report.refused) == {"corrupt", "empty"}
    for name, reason in report.refused.items():
        assert f"{name}.mid" in reason and "\n" not in reason
    assert contents(tmp_path / "out") == contents(rendered[0].folder)


def test_a_file_without_read_permission_is_reported(copied, tmp_path, monkeypatch):
    midi, _ = copied
    real = build.checksum

    def forbidden(path):
        if path.name == "piece-0.mid":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(build, "checksum", forbidden)
    _, report = render_small(midi, tmp_path / "new")
    assert list(report.refused) == [NAMES[0]]
    assert "Permission denied" in report.refused[NAMES[0]]


def test_no_readable_file_at_all(tmp_path):
    for name in ("a.mid", "b.mid"):
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(InputError, match="none of the 2 MIDI files") as error:
        render_small(tmp_path, tmp_path / "out")
    assert "a.mid" in str(error.value) and "\n" not in str(error.value)


def test_limit_of_tracks_depends_on_names_alone(tmp_path):
    for number in range(30):
        write_piece(tmp_path / "all" / f"{number}.mid", seconds=0.05)
    corpus, _ = render_small(tmp_path / "all", tmp_path / "out", tracks=2)
    assert [len(corpus.split(name)) for name in ("train", "validation", "test")] == [2, 2, 2]
    shutil.copytree(tmp_path / "all", tmp_path / "copy")
    again, _ = render_small(
        tmp_path / "copy", tmp_path / "again", tracks={"train": 2, "validation": 1, "test": 0}
    )
    assert again.split("train") == corpus.split("train")
    assert len(again.pairs) == 3


def test_a_limit_does_not_shrink_a_corpus(copied):
    midi, out = copied
    corpus, report = render_small(midi, out, tracks=1)
    assert len(corpus.pairs) == 4
    assert report.rendered == () and len(report.skipped) == 3


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"jobs": 0}, "jobs is 0"),
        ({"sample_rate": 0}, "sample rate is 0"),
        ({"soundfont": "missing.sf2"}, "missing.sf2"),
        ({"tracks": -1}, "-1 tracks"),
        ({"tracks": {"training": 1}}, "'training'"),
        ({"tracks": 0}, "no track was requested"),
    ],
)
def test_bad_settings(midi_folder, tmp_path, options, reason):
    with pytest.raises(InputError, match=reason) as error:
        render_small(midi_folder, tmp_path, **options)
    assert "\n" not in str(error.value)


def test_another_sample_rate_needs_another_folder(copied):
    midi, out = copied
    with pytest.raises(InputError, match="sample_rate 8000, not 16000"):
        render_small(midi, out, sample_rate=16000)


def test_a_process_that_dies_gives_one_line():
    with pytest.raises(InputError, match="a rendering process died") as error:
        run_jobs(os._exit, [3, 3], lambda item, result: result(), jobs=2)
    assert "\n" not in str(error.value)


SCRIPT = """
import signal
import sys
from pathlib import Path
from tfaudiogan.making.instrument import render_corpus

if __name__ == "__main__":
    # What runs in the background of a shell inherits that interrupts are ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    midi, out, soundfont = sys.argv[1:]
    try:
        render_corpus(midi, out, soundfont=soundfont, sample_rate=8000, jobs=2)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_an_interrupt_stops_at_once_and_the_next_run_continues(tmp_path):
    for number in range(24):
        write_piece(tmp_path / "midi" / f"{number:02d}.mid", 40 + number, seconds=60.0)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, script, tmp_path / "midi", out, SOUNDFONT],
        env={**os.environ, "PYTHONPATH": str(Path(instrument.__file__).parents[2])},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    manifest, deadline = out / "manifest.csv", time.monotonic() + 60
    while not (manifest.is_file() and len(manifest.read_text().splitlines()) > 3):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert b"Traceback" not in errors
    assert not list(out.rglob("*.partial*"))
    stopped = len(Corpus.load(out).pairs)
    assert 3 <= stopped < 24
    _, report = render_small(tmp_path / "midi", out)
    assert len(report.skipped) == stopped and len(report.rendered) == 24 - stopped
