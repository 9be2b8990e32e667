"""Recorded devices from folders, each for one split alone."""

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
    """Recordings for each split, from folders of any audio files.

    The files of a folder are assigned to the splits as performances are, by their names, so that
    validation and test have rooms, microphones and noises that training has not. Where a folder
    has fewer than three files, all splits have all of them.

    Args:
        rooms: folder of impulse responses of rooms; none if left out.
        microphones: folder of impulse responses of microphones or of other devices.
        noises: folder of background noises.

    Raises:
        InputError: when a folder is missing or empty, or a file can't be read.
    """
    found = [_of_folder(folder) for folder in (rooms, microphones, noises)]
    return {split: Recordings(*(kind[split] for kind in found)) for split in SPLITS}


def _of_folder(folder: Path | str | None) -> dict[str, tuple[Recording, ...]]:
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
