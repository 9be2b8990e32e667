import struct

import numpy as np
import pretty_midi
import pytest
import soundfile

from tests.audio.signals import noise
from tfaudiogan.corpus.splits import assign_splits
from tfaudiogan.errors import InputError
from tfaudiogan.making.sources import PROGRAMS, CleanSources, find_recordings

RATE = 8000


def write(path, audio=None, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, noise(800) if audio is None else audio, rate)


def write_midi(path):
    midi = pretty_midi.PrettyMIDI()
    midi.instruments.append(pretty_midi.Instrument(7))
    midi.instruments[0].notes.append(pretty_midi.Note(90, 60, 0.0, 0.2))
    midi.write(str(path))


def test_recordings_of_any_format_and_depth_by_name(tmp_path):
    for name in ("b/two.flac", "one.wav", "one.OGG", "three.mp3", ".hidden/x.wav", "b/.y.wav"):
        write(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no sound")
    found = find_recordings(tmp_path)
    places = {name: path.relative_to(tmp_path).as_posix() for name, path in found.items()}
    assert places == {
        "b/two": "b/two.flac",
        "one": "one.OGG",
        "one.wav": "one.wav",
        "three": "three.mp3",
    }


def test_recordings_come_with_splits_and_sound(tmp_path):
    for number in range(6):
        write(tmp_path / f"{number}.wav")
    stereo = np.stack([noise(1600, 1), noise(1600, 2)], axis=1)
    write(tmp_path / "stereo.wav", stereo, 2 * RATE)
    sources = CleanSources.of(tmp_path, RATE)
    recipes = {recipe.name: recipe for recipe, _ in sources.recipes()}
    assert {n: r.split for n, r in recipes.items()} == assign_splits(recipes)
    assert recipes["stereo"].source == "stereo.wav"
    audio = sources.read(recipes["stereo"])
    assert audio.shape == (800,)
    # libsndfile rounds down to 16 bits: steps of 3.1e-5.
    np.testing.assert_allclose(sources.read(recipes["0"]), noise(800), atol=3.2e-5)


def test_a_soundfont_plays_only_programs_that_it_has(tmp_path):
    (tmp_path / "midi").mkdir()
    for number in range(30):
        write_midi(tmp_path / "midi" / f"{number}.mid")
    complete = CleanSources.of(tmp_path / "midi", RATE)
    (font,) = complete.soundfonts.values()
    pianos = tmp_path / "pianos.sf2"
    pianos.write_bytes(with_presets(font.read_bytes(), {(0, 0), (0, 4), (1, 24)}))
    sources = CleanSources.of(tmp_path / "midi", RATE, soundfonts=[font, pianos])
    drawn = {"pianos.sf2": set(), font.name: set()}
    for recipe, _ in sources.recipes():
        drawn[recipe.settings["soundfont"]].add(recipe.settings["program"])
    assert drawn["pianos.sf2"] == {0, 4}
    assert len(drawn[font.name]) > 4


def with_presets(soundfont, kept):
    """Move all presets of a soundfont, but those kept, to a bank that nothing uses."""
    changed = bytearray(soundfont)
    start = soundfont.index(b"phdr") + 8
    for place in range(start, start + int.from_bytes(soundfont[start - 4 : start], "little"), 38):
        program, bank = struct.unpack_from("<HH", changed, place + 20)
        if (bank, program) not in kept:
            struct.pack_into("<H", changed, place + 22, 99)
    return bytes(changed)


def test_midi_is_played_by_drawn_programs(tmp_path):
    for number in range(8):
        write_midi(tmp_path / f"{number}.mid")
    sources = CleanSources.of(tmp_path, RATE, seed=1)
    recipes = [recipe for recipe, _ in sources.recipes()]
    programs = [recipe.settings["program"] for recipe in recipes]
    assert len(set(programs)) > 3
    assert set(programs) <= set(PROGRAMS)
    again = CleanSources.of(tmp_path, RATE, seed=1)
    assert [recipe for recipe, _ in again.recipes()] == recipes
    (tmp_path / "0.mid").unlink()
    assert [recipe for recipe, _ in again.recipes()] == recipes[1:]
    other = CleanSources.of(tmp_path, RATE, seed=2)
    assert [recipe.settings["program"] for recipe, _ in other.recipes()] != programs[1:]
    audio = sources.read(recipes[1])
    assert audio.dtype == np.float32
    assert np.abs(audio).max() > 0.01


def test_variants_are_drawn_anew_and_share_a_split(tmp_path):
    for number in range(8):
        write_midi(tmp_path / f"{number}.mid")
    sources = CleanSources.of(tmp_path, RATE)
    once = [recipe for recipe, _ in sources.recipes()]
    thrice = [(recipe, rng.random()) for recipe, rng in sources.recipes(variants=3)]
    recipes = [recipe for recipe, _ in thrice]
    assert [recipe.name for recipe in recipes[:4]] == ["0", "0~2", "0~3", "1"]
    assert recipes[::3] == once
    assert len({number for _, number in thrice}) == 24
    for first, *others in zip(recipes[::3], recipes[1::3], recipes[2::3], strict=True):
        assert {(o.split, o.source, o.paths) for o in others} == {
            (first.split, first.source, first.paths)
        }
    assert any(
        a.settings["program"] != b.settings["program"]
        for a, b in zip(once, recipes[1::3], strict=True)
    )


def test_zero_variants_are_refused(tmp_path):
    with pytest.raises(InputError, match="variants is 0"):
        list(CleanSources.of(tmp_path, RATE).recipes(0))


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere is not a folder"):
        find_recordings(tmp_path / "nowhere")


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        list(CleanSources.of(tmp_path, RATE).recipes())
