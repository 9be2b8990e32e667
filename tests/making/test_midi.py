import pretty_midi
import pytest

from tfaudiogan.corpus.splits import SPLITS
from tfaudiogan.errors import InputError
from tfaudiogan.making import midi
from tfaudiogan.making.midi import Transformation, find_midi_files, read_midi

HEADER = "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration\n"


def performance(*instruments):
    """A performance of instruments given as (program, is_drum, [(pitch, start, end)])."""
    made = pretty_midi.PrettyMIDI()
    for program, is_drum, notes in instruments:
        instrument = pretty_midi.Instrument(program, is_drum=is_drum)
        instrument.notes = [pretty_midi.Note(80, *note) for note in notes]
        instrument.control_changes = [
            pretty_midi.ControlChange(number, value, time)
            for number, value, time in ((64, 127, 0.1), (7, 90, 0.2), (64, 0, 0.4))
        ]
        made.instruments.append(instrument)
    return made


def piano():
    return performance((0, False, [(60, 0.0, 0.5), (64, 0.5, 1.0)]))


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_every_midi_file_at_any_depth_is_a_track(tmp_path):
    touch(tmp_path, "b.mid", "a.MIDI", "deep/er/c.midi", "notes.txt", "d.mid.bak")
    touch(tmp_path, ".hidden.mid", "__MACOSX/._b.mid")
    (tmp_path / "folder.mid").mkdir()
    tracks = find_midi_files(tmp_path)
    assert [track.name for track in tracks] == ["a", "b", "deep/er/c"]
    assert [track.path.name for track in tracks] == ["a.MIDI", "b.mid", "c.midi"]
    assert {track.split for track in tracks} == set(SPLITS)


def test_files_that_differ_only_in_suffix_are_two_tracks(tmp_path):
    touch(tmp_path, "a.mid", "a.midi")
    assert [track.name for track in find_midi_files(tmp_path)] == ["a", "a.midi"]


def test_splits_do_not_depend_on_where_the_folder_is(tmp_path):
    names = [f"{index}.mid" for index in range(30)]
    touch(tmp_path / "one", *names)
    touch(tmp_path / "two" / "three", *names)
    first, second = find_midi_files(tmp_path / "one"), find_midi_files(tmp_path / "two" / "three")
    assert [track.split for track in first] == [track.split for track in second]


def test_maestro_layout_keeps_the_official_splits(tmp_path):
    (tmp_path / "maestro-v3.0.0.csv").write_text(
        HEADER
        + "Bach,Prelude,train,2004,2004/a.midi,2004/a.wav,60.0\n"
        + "Bach,Prelude,test,2006,2006/b.midi,2006/b.wav,60.0\n"
        + '"Liszt / Wagner","Tod, Isolde",validation,2006,2006/c.midi,,60.0\n',
        encoding="utf-8-sig",
    )
    (tmp_path / "LICENSES.csv").write_text("name,licence\n")
    touch(tmp_path, "2004/a.midi", "2006/b.midi", "2006/c.midi", "2006/unlisted.midi")
    tracks = find_midi_files(tmp_path)
    assert [(track.name, track.split) for track in tracks] == [
        ("2004/a", "train"),
        ("2006/b", "test"),
        ("2006/c", "validation"),
    ]
    assert [track.piece for track in tracks] == ["Bach: Prelude"] * 2 + [
        "Liszt / Wagner: Tod, Isolde"
    ]
    assert tracks[1].path == tmp_path / "2006" / "b.midi"


def test_without_splits_performances_of_a_piece_stay_together(tmp_path):
    rows = [f"Bach,Fugue {index // 3},{index}.mid\n" for index in range(60)]
    table = "canonical_composer,canonical_title,midi_filename\n" + "".join(rows)
    (tmp_path / "table.csv").write_text(table)
    tracks = find_midi_files(tmp_path)
    assert {track.split for track in tracks} == set(SPLITS)
    for piece in {track.piece for track in tracks}:
        assert len({track.split for track in tracks if track.piece == piece}) == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("Bach,Air,train,2004,/etc/a.midi,,1\n", "/etc/a.midi"),
        ("Bach,Air,train,2004,../a.midi,,1\n", "../a.midi"),
        ("Bach,Air,train,2004,a.wav,,1\n", "a.wav"),
        ("Bach,Air\n", "midi_filename"),
        ("Bach,Air,training,2004,a.midi,,1\n", "'training'"),
        ("Bach,Air,train,2004,a.midi,,1\n" * 2, "listed twice"),
        ("", "no .mid or .midi"),
    ],
)
def test_damaged_table(tmp_path, row, reason):
    (tmp_path / "maestro.csv").write_text(HEADER + row)
    with pytest.raises(InputError, match=r"maestro\.csv") as error:
        find_midi_files(tmp_path)
    assert reason in str(error.value)


def test_two_tables_are_refused(tmp_path):
    for name in ("maestro-v2.csv", "maestro-v3.csv"):
        (tmp_path / name).write_text(HEADER)
    with pytest.raises(InputError, match=r"maestro-v2\.csv, maestro-v3\.csv"):
        find_midi_files(tmp_path)


@pytest.mark.parametrize("name", ["missing", "file.mid", "empty"])
def test_no_midi_folder(tmp_path, name):
    touch(tmp_path, "file.mid", "empty/readme.txt")
    with pytest.raises(InputError, match=name):
        find_midi_files(tmp_path / name)


def test_read_leaves_out_drums_and_instruments_without_notes(tmp_path):
    made = performance((24, False, [(60, 0, 1)]), (0, True, [(40, 0, 1)]), (12, False, []))
    made.write(str(tmp_path / "a.mid"))
    assert [instrument.program for instrument in read_midi(tmp_path / "a.mid").instruments] == [24]


def _write(path, made):
    made.write(str(path))


BAD_FILES = {
    "empty": (lambda path: path.write_bytes(b""), "empty"),
    "noise": (lambda path: path.write_bytes(bytes(range(256)) * 9), "not a readable MIDI"),
    "header only": (lambda path: path.write_bytes(b"MThd\0\0\0\6\0\1\0\1\1\xe0"), "not a readable"),
    "wav": (lambda path: path.write_bytes(b"RIFF\0\0\0\0WAVEfmt "), "not a readable MIDI"),
    "folder": (lambda path: path.mkdir(), "not a readable MIDI"),
    "missing": (lambda path: None, "cannot be read"),
    "no notes": (lambda path: _write(path, performance()), "no notes"),
    "zero length": (lambda path: _write(path, performance((0, False, [(60, 1, 1)]))), "no notes"),
    "drums": (lambda path: _write(path, performance((0, True, [(40, 0, 1)]))), "drums only"),
    "long": (lambda path: _write(path, performance((0, False, [(60, 0, 10810)]))), "hours long"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_unreadable_files_are_named_in_one_line(tmp_path, kind):
    make, reason = BAD_FILES[kind]
    path = tmp_path / "bad file.mid"
    make(path)
    with pytest.raises(InputError, match=reason) as error:
        read_midi(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_every_truncation_is_read_or_refused(tmp_path):
    whole, path = tmp_path / "whole.mid", tmp_path / "cut.mid"
    piano().write(str(whole))
    data = whole.read_bytes()
    refused = 0
    for length in range(len(data)):
        path.write_bytes(data[:length])
        try:
            assert read_midi(path).instruments
        except InputError:
            refused += 1
    assert refused > len(data) / 2


def test_enormous_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(midi, "MAX_BYTES", 100)
    path = tmp_path / "big.mid"
    path.write_bytes(b"\0" * 101)
    with pytest.raises(InputError, match="enormous"):
        read_midi(path)


def state(made):
    return [
        (
            instrument.program,
            [(note.velocity, note.pitch, note.start, note.end) for note in instrument.notes],
            [(change.number, change.value, change.time) for change in instrument.control_changes],
        )
        for instrument in made.instruments
    ]


def test_the_empty_transformation_changes_nothing():
    assert state(Transformation().apply(piano())) == state(piano())


@pytest.mark.parametrize(
    ("transformation", "program", "velocity", "controls"),
    [
        (Transformation(program=4), 4, 80, [(64, 127, 0.1), (7, 90, 0.2), (64, 0, 0.4)]),
        (Transformation(velocity=33), 0, 33, [(64, 127, 0.1), (7, 90, 0.2), (64, 0, 0.4)]),
        (Transformation(removed_controllers=(64,)), 0, 80, [(7, 90, 0.2)]),
        (Transformation(fixed_controllers=((64, 5),)), 0, 80, [(64, 5, 0.0), (7, 90, 0.2)]),
        (
            Transformation(127, 127, (7, 64), ((1, 2), (11, 0))),
            127,
            127,
            [(1, 2, 0.0), (11, 0, 0.0)],
        ),
    ],
)
def test_transformation(transformation, program, velocity, controls):
    original = piano()
    expected = [
        (program, [(velocity, 60, 0.0, 0.5), (velocity, 64, 0.5, 1.0)], controls),
    ]
    assert state(transformation.apply(original)) == expected
    assert state(original) == state(piano())


@pytest.mark.parametrize(
    ("arguments", "error", "shown"),
    [
        ({"program": 128}, ValueError, "128"),
        ({"program": -1}, ValueError, "-1"),
        ({"program": 1.5}, TypeError, "1.5"),
        ({"program": True}, TypeError, "True"),
        ({"velocity": 0}, ValueError, "0"),
        ({"velocity": "64"}, TypeError, "'64'"),
        ({"removed_controllers": (200,)}, ValueError, "200"),
        ({"fixed_controllers": ((64, 128),)}, ValueError, "128"),
        ({"fixed_controllers": ((None, 1),)}, TypeError, "None"),
    ],
)
def test_bad_transformation(arguments, error, shown):
    with pytest.raises(error, match=shown):
        Transformation(**arguments)
