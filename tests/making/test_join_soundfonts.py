"""Test the script next to the model card that joins soundfonts of single programs."""

import io

import numpy as np
import pretty_midi
import pytest
import soundfile

from tests.scripts import FOLDER, load_script
from tfaudiogan.errors import InputError
from tfaudiogan.making.soundfonts import read_presets
from tfaudiogan.making.synthesizer import Synthesizer

RATE = 22_050


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield load_script("join_soundfonts")


def tone(hertz):
    return np.float32(0.4 * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE))


def bank(program, *keys_and_hertz):
    notes = load_script("soundfont")
    return notes.soundfont(
        {program: [notes.Note(key, tone(hertz), RATE) for key, hertz in keys_and_hertz]}
    )


def compressed(script, data):
    """Compress the samples of a soundfont with Vorbis, as SF3 does."""
    found = script.chunks(data)
    headers = np.frombuffer(found["shdr"], script.SAMPLE_HEADER).copy()
    samples = b""
    for header in headers[:-1]:
        audio = np.frombuffer(found["smpl"], "<i2")[header["start"] : header["end"]]
        stream = io.BytesIO()
        soundfile.write(stream, audio, RATE, format="OGG", subtype="VORBIS")
        header["loop"], header["loop_end"] = 100, 200
        header["start"], header["end"] = len(samples), len(samples) + stream.tell()
        header["type"] |= script.COMPRESSED
        samples += stream.getvalue()
    samples += b"\0" * (1 - len(samples) % 2)
    # The chunk has an odd size and no padding.
    data = data.replace(found["shdr"], headers.tobytes())
    chunk = load_script("soundfont").chunk
    return data.replace(chunk("smpl", found["smpl"]), chunk("smpl", samples)[:-1])


def play(path, program):
    part = pretty_midi.Instrument(program)
    part.notes = [pretty_midi.Note(100, key, 0.0, 0.5) for key in (57, 70)]
    synthesizer = Synthesizer(path, RATE)
    try:
        return synthesizer.play([part], RATE)
    finally:
        synthesizer.close()


def test_joined_programs_sound_as_alone(script, tmp_path):
    paths = [tmp_path / name for name in ("piano.sf2", "organ.sf2")]
    paths[0].write_bytes(bank(0, (57, 220.0), (69, 440.0)))
    paths[1].write_bytes(bank(19, (60, 261.6)))
    joined = tmp_path / "joined" / "bank.sf2"
    script.main(joined, [tmp_path])
    assert read_presets(joined) == {(0, 0), (0, 19)}
    for path, program in zip(paths, (0, 19), strict=True):
        alone = play(path, program)
        assert np.abs(alone).max() > 0.01
        assert play(joined, program).tobytes() == alone.tobytes()


def test_compressed_samples_are_decoded(script, tmp_path):
    plain, sf3 = tmp_path / "plain.sf2", tmp_path / "compressed.sf3"
    plain.write_bytes(bank(5, (57, 220.0), (69, 440.0)))
    sf3.write_bytes(compressed(script, plain.read_bytes()))
    joined = tmp_path / "joined.sf2"
    script.main(joined, [sf3])
    found = script.chunks(joined.read_bytes())["shdr"]
    headers = np.frombuffer(found, script.SAMPLE_HEADER)[:-1]
    # A loop is stored relative to a compressed sample, and from the start of all others.
    assert (headers["loop"] - headers["start"]).tolist() == [100, 100]
    assert (headers["loop_end"] - headers["start"]).tolist() == [200, 200]
    expected, heard = play(plain, 5), play(joined, 5)
    # Vorbis keeps a sine to about 40 dB at its default quality.
    assert np.linalg.norm(heard - expected) < 0.03 * np.linalg.norm(expected)


def test_a_damaged_file_is_named(script, tmp_path):
    data = bank(0, (60, 261.6))
    (tmp_path / "cut.sf2").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"cut\.sf2 is damaged"):
        script.read_soundfont(tmp_path / "cut.sf2")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no soundfonts"):
        script.main(tmp_path / "joined.sf2", [tmp_path / "empty"])
    (tmp_path / "notes.txt").write_text("no soundfont")
    with pytest.raises(InputError, match="is not a soundfont"):
        script.read_soundfont(tmp_path / "notes.txt")


def test_too_many_records_are_refused(script):
    data = bank(0, (60, 261.6))
    records = {
        name: np.frombuffer(script.chunks(data)[name], kind)
        for name, kind in script.RECORDS.items()
    }
    many = np.zeros(40_000, script.GENERATOR)
    part = script.Soundfont(records | {"igen": many}, [tone(261.6)])
    with pytest.raises(InputError, match="65535 records or more"):
        script.join([part] * 4)
