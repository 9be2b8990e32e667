"""Test the script next to the model card that writes the notes of a Gravis Ultrasound patch."""

import numpy as np
import pytest

from tests.making.patches import RATE, patch
from tests.scripts import load_script
from tfaudiogan.errors import InputError


@pytest.fixture(scope="module")
def script():
    return load_script("unpack_patch")


def test_notes_of_8_and_16_bits(script, tmp_path):
    wave = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    signed = np.round(wave * 32767).astype("<i2").tobytes()
    unsigned = np.round(wave * 127 + 128).astype("u1").tobytes()
    path = tmp_path / "tone.pat"
    path.write_bytes(patch([(signed, 440_000, (0, 0), 1), (unsigned, 452_893, (0, 0), 2)]))
    first, second = script.read_patch(path)
    # Half a step of rounding, and one because the wave's peak is one step below full scale.
    np.testing.assert_allclose(first.audio, wave, atol=1.6 / 32768)
    np.testing.assert_allclose(second.audio, wave, atol=1.6 / 128)
    assert (first.key, first.sample_rate) == (69, RATE)
    # 452.893 Hz is 50 cents above A4, so the recording plays slower to be in tune.
    assert second.key in (69, 70)
    assert second.sample_rate == pytest.approx(
        RATE * 440 * 2 ** ((second.key - 69) / 12) / 452.893, 0.001
    )


@pytest.mark.parametrize("decay_db", [0.0, -20.0])
def test_a_loop_goes_on_as_the_note_did(script, tmp_path, decay_db):
    time = np.arange(RATE) / RATE
    wave = 0.5 * np.sin(2 * np.pi * 400 * time) * 10 ** (decay_db * time / 20)
    pcm = np.round(wave * 32767).astype("<i2").tobytes()
    path = tmp_path / "tone.pat"
    path.write_bytes(patch([(pcm, 400_000, (2 * RATE - 400, 2 * RATE), 1 | 4)]))
    (note,) = script.read_patch(path)
    assert len(note.audio) == 5 * RATE
    levels = [script.level_db(note.audio[s * RATE : s * RATE + 400]) for s in (1, 2)]
    assert levels[1] - levels[0] == pytest.approx(decay_db, abs=0.5)


def test_other_files_are_refused(script, tmp_path):
    path = tmp_path / "tone.pat"
    with pytest.raises(InputError, match="does not exist"):
        script.read_patch(path)
    path.write_bytes(b"RIFF" + bytes(300))
    with pytest.raises(InputError, match="not a Gravis Ultrasound patch"):
        script.read_patch(path)
    path.write_bytes(patch([(bytes(200), 440_000, (0, 0), 1)])[:-50])
    with pytest.raises(InputError, match="ends early"):
        script.read_patch(path)
    path.write_bytes(patch([(bytes(200), 0, (0, 0), 1)]))
    with pytest.raises(InputError, match="without a pitch"):
        script.read_patch(path)
