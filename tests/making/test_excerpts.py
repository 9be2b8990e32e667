import json

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from tests.audio.signals import lag, noise
from tests.making.midi_files import SOUNDFONT, write_pieces
from tfaudiogan.audio.degradation import Chain
from tfaudiogan.audio.files import read_audio
from tfaudiogan.audio.levels import measure_level
from tfaudiogan.commands.corpora import app
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.making.devices import find_recorded_devices
from tfaudiogan.making.excerpts import excerpt_counts, render_excerpts
from tfaudiogan.making.midi import find_midi_files
from tfaudiogan.making.playing import Playing
from tfaudiogan.making.soundfonts import choose_soundfonts
from tfaudiogan.storage import checksum

pytest.importorskip("pyroomacoustics")

RATE = 8000
COUNTS = {"train": 8, "validation": 2, "test": 1}


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    return write_pieces(tmp_path_factory.mktemp("midi"))


@pytest.fixture(scope="module")
def playing():
    return Playing(choose_soundfonts([SOUNDFONT], ["0-30"]))


def render(source, out, playing=None, **options):
    options = {"excerpts": COUNTS, "seconds": 1.5, "sample_rate": RATE, "jobs": 1} | options
    return render_excerpts(source, out, playing=playing, drawn_rooms=2, **options)


def contents(folder):
    return {p.relative_to(folder): checksum(p) for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def made(pieces, playing, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return folder, *render(pieces, folder, playing)


def test_each_excerpt_is_a_separate_pair(made, pieces):
    folder, corpus, report = made
    assert not report.refused
    assert corpus.task == "phone"
    splits = {track.path.name: track.split for track in find_midi_files(pieces)}
    for split, count in COUNTS.items():
        assert len(corpus.split(split)) == count
    assert corpus.pairs[-1].name == "validation/000/000001"
    for pair in corpus.pairs:
        assert pair.samples == 1.5 * RATE
        assert pair.split == splits[pair.source] == pair.name.split("/")[0]
        clean, _ = read_audio(folder / pair.target)
        heard, _ = read_audio(folder / pair.input)
        assert measure_level(clean) + pair.target_gain_db == pytest.approx(-20.0, abs=0.05)
        assert abs(lag(clean, heard)) <= 1
        if not pair.settings["chain"]:
            np.testing.assert_array_equal(clean, heard)
            assert not pair.altered
    settings = [pair.settings for pair in corpus.pairs]
    for key in ("position", "tempo", "velocity", "chain"):
        assert len({json.dumps(values[key]) for values in settings}) > 5
    timbres = {pair.split for pair in corpus.pairs if pair.settings["timbre"]}
    assert timbres == {"train"}


def test_the_settings_reproduce_the_chain(made):
    _, corpus, _ = made
    pair = next(pair for pair in corpus.pairs if len(pair.settings["chain"]) > 3)
    clean = corpus.read(pair)[1]
    heard = Chain.from_settings(pair.settings["chain"])(clean, RATE)
    stored = corpus.read(pair)[0]
    heard *= np.linalg.norm(stored) / np.linalg.norm(heard)
    # Both sides were rounded to 16 bits, one of them before a codec.
    assert np.linalg.norm(heard - stored) < 0.1 * np.linalg.norm(stored)


def test_adding_excerpts_does_not_change_the_first_ones(made, pieces, playing, tmp_path):
    folder, _, _ = made
    render(pieces, tmp_path, playing, excerpts={"train": 3, "validation": 1})
    first = contents(tmp_path)
    whole = contents(folder)
    assert all(whole[path] == first[path] for path in first if path.suffix == ".wav")
    _, report = render(pieces, tmp_path, playing)
    assert len(report.skipped) == 4
    assert len(report.rendered) == 7
    assert contents(tmp_path) == whole


@pytest.mark.slow
def test_the_same_bytes_from_two_processes(made, pieces, playing, tmp_path):
    folder, _, _ = made
    render(pieces, tmp_path, playing, jobs=2)
    assert contents(tmp_path) == contents(folder)


def test_another_seed_makes_other_excerpts(made, pieces, playing, tmp_path):
    _, corpus, _ = made
    other, _ = render(pieces, tmp_path, playing, seed=1, excerpts={"train": 2})
    for pair in other.pairs:
        same = next(p for p in corpus.pairs if p.name == pair.name)
        assert same.settings["position"] != pair.settings["position"]


def test_validation_uses_its_own_soundfont_and_programs(pieces, playing, tmp_path):
    other = tmp_path / "other.sf2"
    other.write_bytes(SOUNDFONT.read_bytes() + b"\0\0")
    validation = Playing(choose_soundfonts([other], ["73"]), piano=0.0, ensemble=0.0)
    corpus, _ = render(
        pieces, tmp_path / "out", playing, validation_playing=validation, timbre=False
    )
    for pair in corpus.pairs:
        unseen = pair.split != "train"
        assert pair.settings["soundfont"] == ("other.sf2" if unseen else "TimGM6mb.sf2")
        assert (pair.settings["parts"] == [[73, 0, 127]]) == unseen
        assert pair.settings["timbre"] is None


def test_shares_of_pianos_and_ensembles():
    playing = Playing(choose_soundfonts([SOUNDFONT]), piano=0.5, ensemble=0.2)
    drawn = [playing.draw(np.random.default_rng(seed)) for seed in range(600)]
    solo = [d["parts"][0][0] for d in drawn if len(d["parts"]) == 1]
    ensembles = [d for d in drawn if len(d["parts"]) == 2]
    # Binomial deviations of 12 and 10.
    assert abs(len(ensembles) - 120) < 40
    assert abs(sum(p in (0, 1, 3) for p in solo) - 300) < 50
    assert len(set(solo)) > 60
    assert 0.4 < np.mean([d["drums"] is not None for d in ensembles]) < 0.8
    for d in ensembles:
        (_, zero, below), (_, above, top) = d["parts"]
        assert (zero, below + 1, top) == (0, above, 127)


def test_recorded_devices_are_those_of_the_split(pieces, playing, tmp_path):
    folder = tmp_path / "rooms"
    folder.mkdir()
    for number in range(8):
        response = np.zeros(400)
        response[50 + number], response[300] = 0.5, 0.2
        soundfile.write(folder / f"{number}.wav", response, RATE)
    recordings = find_recorded_devices(rooms=folder)
    corpus, _ = render(
        pieces,
        tmp_path / "out",
        playing,
        presets=("today",),
        recordings=recordings,
        excerpts={"train": 12, "validation": 6},
        seconds=1.0,
    )
    used = {split: set() for split in COUNTS}
    for pair in corpus.pairs:
        for stage in pair.settings["chain"]:
            if stage["stage"] == "recorded_room":
                used[pair.split].add(stage["path"])
    assert used["train"]
    assert used["train"] <= {r.path for r in recordings["train"].rooms}
    assert used["validation"] <= {r.path for r in recordings["validation"].rooms}


def test_excerpts_of_recordings(tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number in range(6):
        audio = np.zeros((4 * RATE, 2))
        audio[: 3 * RATE] = noise(3 * RATE, number)[:, None]
        soundfile.write(folder / f"{number}.flac", audio, RATE)
    corpus, report = render(folder, tmp_path / "out", excerpts={"train": 6}, timbre=False)
    assert not report.refused
    for pair in corpus.pairs:
        target = corpus.read(pair)[1]
        whole, _ = read_audio(folder / pair.source, mono=True)
        place = lag(target, whole)
        assert np.corrcoef(whole[place : place + len(target)], target)[0, 1] > 0.99
        assert "parts" not in pair.settings


def test_silent_music_is_refused(playing, tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number in range(4):
        soundfile.write(folder / f"{number}.wav", noise(2 * RATE, number, number and 0.1), RATE)
    _, report = render(folder, tmp_path / "out", excerpts={"train": 12})
    assert report.refused
    assert all("0.wav: too quiet" in reason for reason in report.refused.values())


@pytest.mark.parametrize(
    ("excerpts", "counts"),
    [
        (100, {"train": 90, "validation": 5, "test": 5}),
        (1, {"train": 1, "validation": 0, "test": 0}),
        ({"train": 7}, {"train": 7, "validation": 0, "test": 0}),
    ],
)
def test_counts(excerpts, counts):
    assert excerpt_counts(excerpts) == counts


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"excerpts": 0}, "0 excerpts"),
        ({"excerpts": {"dev": 3}}, "'dev'"),
        ({"excerpts": {"train": -1}}, "-1 excerpts"),
        ({"seconds": 0.5}, "excerpts of 0.5 s"),
        ({"presets": ("fax",)}, "'fax'"),
        ({"sample_rate": 10}, "sample rate is 10"),
        ({}, "no soundfont; give --soundfont"),
    ],
)
def test_bad_settings_are_named(pieces, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        render(pieces, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_split_without_tracks_is_named(playing, tmp_path):
    folder = write_pieces(tmp_path / "midi", count=1)
    with pytest.raises(InputError, match="no track in the split"):
        render(folder, tmp_path / "out", playing)


def run(*arguments):
    return CliRunner().invoke(app, ["render", "--task", "phone", *map(str, arguments)])


def test_the_command(pieces, tmp_path):
    rooms = tmp_path / "rooms"
    rooms.mkdir()
    soundfile.write(rooms / "one.wav", np.eye(1, 300, 20)[0], RATE)
    options = ("--midi", pieces, "--soundfont", SOUNDFONT, "--sample-rate", RATE, "--jobs", 1)
    options += ("--excerpts", "train=3,validation=1", "--seconds", 1, "--programs", "0-7")
    options += ("--exclude-programs", "TimGM6mb=1-7", "--validation-programs", "40", "--no-timbre")
    options += ("--preset", "today=2", "--preset", "light", "--rooms", rooms)
    result = run(*options, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "4 rendered" in result.output
    for pair in Corpus.load(tmp_path / "out").pairs:
        programs = {part[0] for part in pair.settings["parts"]}
        assert programs == ({0} if pair.split == "train" else {40})
        assert pair.settings["preset"] == "today=2 light"
    again = run(*options, "--out", tmp_path / "out")
    assert "4 already there" in again.output


def test_lists_of_programs_hold_for_validation_unless_they_name_another_soundfont(pieces, tmp_path):
    other = tmp_path / "other.sf2"
    other.symlink_to(SOUNDFONT)
    options = ("--midi", pieces, "--soundfont", SOUNDFONT, "--sample-rate", RATE, "--jobs", 1)
    options += (
        "--excerpts",
        "train=1,validation=3",
        "--seconds",
        1,
        "--validation-soundfont",
        other,
    )
    options += ("--programs", "TimGM6mb=0-7", "--exclude-programs", "0-39,41-127", "--no-timbre")
    options += ("--exclude-programs", "TimGM6mb=40", "--preset", "light", "--piano", 0)
    result = run(*options, "--out", tmp_path / "out")
    assert isinstance(result.exception, InputError)
    assert "TimGM6mb.sf2 has none of the chosen programs" in str(result.exception)
    options = tuple(o for o in options if o not in ("TimGM6mb=0-7", "--programs"))
    options = tuple("TimGM6mb=1" if o == "TimGM6mb=40" else o for o in options)
    result = run(*options, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    for pair in Corpus.load(tmp_path / "out").pairs:
        assert {part[0] for part in pair.settings["parts"]} == {40}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--excerpts", "many"), "--excerpts is 'many'"),
        (("--excerpts", "5", "--tracks", "3"), "leave out --tracks"),
        (("--excerpts", "5"), "no soundfont; give --soundfont"),
        (("--excerpts", "5", "--task", "superres"), "--excerpts works only with --task phone"),
        (("--excerpts", "5", "--preset", "phone", "--noises", "."), "holds no recordings"),
        (("--excerpts", "5", "--rooms", "nowhere"), "nowhere is not a folder"),
        (("--preset", "phone", "--task", "superres"), "--preset works only with --task phone"),
    ],
)
def test_bad_commands_are_named(pieces, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    result = run("--midi", pieces, "--out", tmp_path / "out", *options)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


def test_bad_shares_are_named():
    with pytest.raises(InputError, match=r"piano 0.9 and ensemble 0.2"):
        Playing(choose_soundfonts([SOUNDFONT]), piano=0.9, ensemble=0.2)
