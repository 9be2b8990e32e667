import dataclasses

import numpy as np
import pytest
import soundfile

from tests.audio.signals import lag, noise, plucks
from tfaudiogan.audio.degradation import DEGRADATION_PRESETS, Chain, DegradationPreset, Room
from tfaudiogan.audio.files import read_audio
from tfaudiogan.errors import InputError
from tfaudiogan.making import phone
from tfaudiogan.making.phone import degrade_file, render_phone
from tfaudiogan.storage import checksum

RATE = 8000


def without_room(preset: DegradationPreset) -> DegradationPreset:
    """Remove the room stage, which has its own tests, so that pyroomacoustics is not needed."""
    return dataclasses.replace(
        preset, stages=tuple(s for s in preset.stages if getattr(s[1], "func", None) != Room.draw)
    )


@pytest.fixture(autouse=True)
def presets(monkeypatch):
    for name, preset in DEGRADATION_PRESETS.items():
        monkeypatch.setitem(DEGRADATION_PRESETS, name, without_room(preset))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    for number in range(8):
        audio = plucks(np.arange(2 * RATE) / RATE, seed=number) + 0.01 * noise(2 * RATE, number)
        soundfile.write(folder / f"{number}.flac", audio, RATE)
    (folder / "broken.wav").write_bytes(b"RIFF")
    return folder


def contents(folder):
    return {p.relative_to(folder): checksum(p) for p in folder.rglob("*") if p.is_file()}


def test_pairs_are_the_recording_and_its_degradation(recordings, tmp_path):
    corpus, report = render_phone(recordings, tmp_path, sample_rate=RATE, jobs=1)
    assert corpus.task == "phone"
    assert corpus.sample_rate == RATE
    assert len(report.rendered) == 8
    assert list(report.refused) == ["broken"]
    assert "broken.wav" in report.refused["broken"]
    for pair in corpus.pairs:
        clean, _ = read_audio(recordings / pair.source)
        target, _ = read_audio(tmp_path / pair.target)
        heard, _ = read_audio(tmp_path / pair.input)
        drawn = Chain.from_settings(pair.settings["chain"])
        expected = drawn(clean, RATE)
        peak = max(1.0, np.abs(expected).max())
        # Both 16-bit files round by half a step of 3e-5.
        np.testing.assert_allclose(target, clean, atol=5e-5)
        np.testing.assert_allclose(heard * peak, expected, atol=1e-4 * peak)
        assert lag(target, heard) == 0


def test_the_same_bytes_whatever_the_jobs_and_the_other_tracks(recordings, tmp_path):
    arguments = {"sample_rate": RATE, "seed": 4, "preset": "light"}
    one = {"train": 0, "validation": 0, "test": 1}
    render_phone(recordings, tmp_path / "one", jobs=1, **arguments)
    render_phone(recordings, tmp_path / "few", jobs=1, tracks=one, **arguments)
    whole, few = contents(tmp_path / "one"), contents(tmp_path / "few")
    assert len(few) == 3
    assert all(whole[p] == few[p] for p in few if p.suffix == ".wav")
    _, report = render_phone(recordings, tmp_path / "few", jobs=1, **arguments)
    assert len(report.skipped) == 1
    assert contents(tmp_path / "few") == whole
    render_phone(recordings, tmp_path / "few", jobs=1, overwrite=True, **{**arguments, "seed": 5})
    assert contents(tmp_path / "few") != whole


@pytest.mark.slow
def test_the_same_bytes_from_two_processes(recordings, tmp_path):
    for jobs in (1, 2):
        render_phone(recordings, tmp_path / str(jobs), sample_rate=RATE, jobs=jobs)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_rooms_need_the_extra_before_anything_is_written(recordings, tmp_path, monkeypatch):
    pytest.importorskip("pyroomacoustics")

    def missing():
        raise InputError("pip install 'tfaudiogan[phone]'")

    monkeypatch.setattr(phone, "require_pyroomacoustics", missing)
    only_rooms = dataclasses.replace(DEGRADATION_PRESETS["light"], stages=ROOM)
    monkeypatch.setitem(DEGRADATION_PRESETS, "light", only_rooms)
    with pytest.raises(InputError, match="phone"):
        render_phone(recordings, tmp_path / "out", preset="light", sample_rate=RATE)
    assert not (tmp_path / "out").exists()


ROOM = ((1.0, DEGRADATION_PRESETS["light"].stages[0][1]),)


def test_degrading_a_single_recording(tmp_path):
    audio = np.stack([noise(RATE, 1, 0.2), noise(RATE, 2, 0.2)], axis=1)
    soundfile.write(tmp_path / "in.wav", audio, RATE)
    done = degrade_file(tmp_path / "in.wav", tmp_path / "out.flac", preset="old-phone", seed=3)
    assert len(done.stages) > 3
    with pytest.raises(InputError, match="is the recording itself"):
        degrade_file(tmp_path / "in.wav", tmp_path / "in.wav")
    heard, rate = read_audio(tmp_path / "out.flac")
    assert rate == RATE
    clean, _ = read_audio(tmp_path / "in.wav", mono=True)
    expected = done(clean, RATE)
    expected /= max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(heard, expected, atol=5e-5)
    for seed in range(20):
        for preset in ("light", "varied") if seed in (4, 18) else ("light",):
            drawn = degrade_file(
                tmp_path / "in.wav", tmp_path / "out.wav", preset=preset, seed=seed
            )
            assert drawn.stages


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "fax"}, "'fax'"),
        ({"jobs": 0}, "jobs is 0"),
        ({"tracks": {"dev": 1}}, "'dev'"),
    ],
)
def test_bad_settings_are_named(recordings, tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        render_phone(recordings, tmp_path, sample_rate=RATE, **arguments)
