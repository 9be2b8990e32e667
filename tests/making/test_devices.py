import pytest
import soundfile

from tests.audio.signals import noise
from tfaudiogan.corpus.splits import SPLITS
from tfaudiogan.errors import InputError
from tfaudiogan.making.devices import find_recorded_devices


def write(folder, count):
    folder.mkdir()
    for number in range(count):
        soundfile.write(folder / f"{number}.flac", noise(500, number), 16000)
    return folder


def test_each_recording_belongs_to_one_split(tmp_path):
    rooms, noises = write(tmp_path / "rooms", 20), write(tmp_path / "noises", 2)
    found = find_recorded_devices(rooms, None, noises)
    paths = [recording.path for split in SPLITS for recording in found[split].rooms]
    assert len(paths) == len(set(paths)) == 20
    assert len(found["train"].rooms) > 10
    for split in SPLITS:
        assert found[split].rooms
        assert len(found[split].noises) == 2
        assert not found[split].microphones


def test_without_a_folder_there_are_no_recordings():
    assert not any(find_recorded_devices().values())


def test_missing_empty_and_damaged_are_named(tmp_path):
    with pytest.raises(InputError, match="nowhere is not a folder"):
        find_recorded_devices(rooms=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no recordings"):
        find_recorded_devices(microphones=tmp_path / "empty")
    folder = write(tmp_path / "rooms", 3)
    (folder / "1.flac").write_bytes(b"fLaC, but no more")
    with pytest.raises(InputError, match=r"1.flac cannot be read as audio"):
        find_recorded_devices(rooms=folder)
