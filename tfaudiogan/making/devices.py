"""Recorded devices from folders, assigned to the splits."""

from pathlib import Path

from tfaudiogan.audio.degradation import Recording, Recordings
from tfaudiogan.audio.files import AudioReader
from tfaudiogan.corpus.splits import SPLITS, assign_splits
from tfaudiogan.errors import InputError
from tfaudiogan.making.sources import find_recordings
from tfaudiogan.storage import checksum


def find_recorded_devices(
    rooms: Path | str | None = None,
    microphones: Path | str | None = None,
    noises: Path | str | None = None,
) -> dict[str, Recordings]:
    """Find recordings for each split in folders of audio files.

    The files of a folder are assigned to the splits by their names, like performances, so that
    validation and test have rooms, microphones and noises that training does not have. If a folder
    has fewer than three files, every split has all of them.

    Args:
        rooms: folder of impulse responses of rooms, or ``None``.
        microphones: folder of impulse responses of microphones or other devices, or ``None``.
        noises: folder of background noises, or ``None``.

    Raises:
        InputError: if a folder is missing or empty, or a file cannot be read.
    """
    recordings = [_find_by_split(folder) for folder in (rooms, microphones, noises)]
    return {split: Recordings(*(by_split[split] for by_split in recordings)) for split in SPLITS}


def _find_by_split(folder: Path | str | None) -> dict[str, tuple[Recording, ...]]:
    if folder is None:
        return dict.fromkeys(SPLITS, ())
    paths = find_recordings(folder)
    if not paths:
        raise InputError(f"{folder} holds no recordings; give a folder of WAV, FLAC, Ogg, MP3")
    recordings = {}
    for name, path in paths.items():
        AudioReader(path)
        recordings[name] = Recording(str(path.absolute()), checksum(path))
    if len(recordings) < len(SPLITS):
        return dict.fromkeys(SPLITS, tuple(recordings.values()))
    splits = assign_splits(recordings)
    return {
        split: tuple(r for name, r in recordings.items() if splits[name] == split)
        for split in SPLITS
    }
