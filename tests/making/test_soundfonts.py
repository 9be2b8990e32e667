import pytest

from tests.making.midi_files import SOUNDFONT
from tfaudiogan.errors import InputError
from tfaudiogan.making.soundfonts import (
    MELODIC_PROGRAMS,
    choose_soundfonts,
    parse_programs,
    read_presets,
)


def test_presets_of_a_general_midi_soundfont():
    presets = read_presets(SOUNDFONT)
    assert {(0, program) for program in range(128)} <= presets
    assert (128, 0) in presets


@pytest.mark.parametrize("size", [4, 12, 5000])
def test_a_damaged_file_is_named(tmp_path, size):
    path = tmp_path / "cut.sf2"
    path.write_bytes(SOUNDFONT.read_bytes()[:size])
    with pytest.raises(InputError, match=r"cut.sf2 is damaged"):
        read_presets(path)


@pytest.mark.parametrize(
    ("text", "programs"), [("5", {5}), ("0-2, 7", {0, 1, 2, 7}), ("127-127,3-3", {3, 127})]
)
def test_lists_of_programs(text, programs):
    assert parse_programs(text) == programs


@pytest.mark.parametrize("text", ["", "a", "5-3", "128", "-1", "1,,2", "1-"])
def test_bad_lists_are_named(text):
    with pytest.raises(InputError, match=r"expected numbers from 0 to 127"):
        parse_programs(text)


def test_programs_by_soundfont(tmp_path):
    other = tmp_path / "other.sf2"
    other.write_bytes(SOUNDFONT.read_bytes())
    paths = [SOUNDFONT, other, other]
    fonts = choose_soundfonts(paths, ["0-9", "other=20,21,99"], ["3", "TimGM6mb=0,12"])
    assert [font.path for font in fonts] == paths
    assert fonts[0].programs == (1, 2, 4, 5, 6, 7, 8, 9)
    assert fonts[1].programs == fonts[2].programs == (20, 21, 99)
    assert fonts[0].drums
    assert choose_soundfonts([SOUNDFONT])[0].programs == MELODIC_PROGRAMS


@pytest.mark.parametrize(
    ("programs", "excluded", "message"),
    [
        (["Tim=1"], [], r"'Tim=1'; expected one of the soundfonts TimGM6mb"),
        (["5"], ["0-9"], r"has none of the chosen programs"),
        (["TimGM6mb=x"], [], r"'x'"),
    ],
)
def test_bad_choices_are_named(programs, excluded, message):
    with pytest.raises(InputError, match=message):
        choose_soundfonts([SOUNDFONT], programs, excluded)
