"""Clean sound to be degraded: a folder of recordings, or of MIDI to be played."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfaudiogan.audio.draws import named_generator
from tfaudiogan.audio.files import EXTENSIONS, read_audio
from tfaudiogan.data.build import Recipe
from tfaudiogan.data.corpus import assign_splits
from tfaudiogan.data.midi import Transformation, find_tracks, read_midi
from tfaudiogan.data.synthesis import (
    GAIN,
    check_sample_rate,
    find_soundfont,
    synthesise,
    synthesiser_version,
)
from tfaudiogan.errors import InputError
from tfaudiogan.storage import checksum

PROGRAMS = (0, 1, 4, 5, 6, 8, 11, 16, 19, 21, 24, 25, 27, 46, 48, 61, 73)
"""General MIDI programs, counted from 0, that a performance is played with: pianos, harpsichord,
celesta, vibraphone, organs, accordion, guitars, harp, strings, brass, flute."""


def find_recordings(folder: Path | str) -> dict[str, Path]:
    """The audio files of a folder at any depth, by their path in it without the suffix.

    The second of two files that differ only in their suffix keeps it in its name. Hidden files are
    left out.

    Raises:
        InputError: when there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give one that holds recordings")
    recordings: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in place.parts)
        if path.suffix.lower() in EXTENSIONS and not hidden and path.is_file():
            name = place.with_suffix("").as_posix()
            recordings[place.as_posix() if name in recordings else name] = path
    return recordings


@dataclass(frozen=True)
class CleanSources:
    """The tracks of a folder of recordings, or else of MIDI, and how to get their sound.

    Each MIDI file is played by one of ``PROGRAMS`` through one of the soundfonts, drawn by its
    name and the seed.

    Args:
        folder: holds recordings (``files.EXTENSIONS``), or, where there are none, MIDI.
        sample_rate: in hertz, of the sound.
        seed: of the draws.
        soundfonts: paths of SF2 or SF3 files; ``synthesis.find_soundfont`` by default.
    """

    folder: Path
    sample_rate: int
    seed: int
    soundfonts: Mapping[str, Path]

    @classmethod
    def of(
        cls,
        folder: Path | str,
        sample_rate: int,
        seed: int = 0,
        soundfonts: Sequence[Path | str] = (),
    ) -> "CleanSources":
        """Find the soundfonts, where MIDI is to be played, and keep them by their checksums."""
        paths = [find_soundfont(path) for path in soundfonts or (None,)]
        if find_recordings(folder):
            paths = []
        return cls(Path(folder), sample_rate, seed, {checksum(path): path for path in paths})

    def recipes(self) -> Iterator[tuple[Recipe, np.random.Generator]]:
        """Each track, and a generator of its own for what is to be drawn for it.

        Raises:
            InputError: when the folder holds neither recordings nor MIDI.
        """
        recordings = find_recordings(self.folder)
        splits = assign_splits(recordings)
        for name, path in recordings.items():
            settings = {"seed": self.seed}
            yield self._recipe(name, splits[name], path, settings), self._generator(name)
        if recordings:
            return
        check_sample_rate(self.sample_rate)
        for track in find_tracks(self.folder):
            rng = self._generator(track.name)
            soundfont = str(rng.choice(sorted(self.soundfonts)))
            settings = {
                "seed": self.seed,
                "program": int(rng.choice(PROGRAMS)),
                "soundfont": self.soundfonts[soundfont].name,
                "soundfont_sha256": soundfont,
                "synthesiser": synthesiser_version(),
                "gain": GAIN,
            }
            yield self._recipe(track.name, track.split, track.path, settings), rng

    def read(self, recipe: Recipe) -> np.ndarray:
        """The track's sound, ``(samples,)`` float32.

        Raises:
            InputError: when it can't be read or played.
        """
        (path,) = recipe.paths
        if "program" not in recipe.settings:
            audio, _ = read_audio(path, self.sample_rate, mono=True)
            return audio
        midi = Transformation(program=recipe.settings["program"]).apply(read_midi(path))
        soundfont = self.soundfonts[recipe.settings["soundfont_sha256"]]
        return synthesise(midi, soundfont=soundfont, sample_rate=self.sample_rate)

    def _generator(self, name: str) -> np.random.Generator:
        return named_generator(self.seed, name)

    def _recipe(self, name: str, split: str, path: Path, settings: Mapping[str, Any]) -> Recipe:
        source = path.relative_to(self.folder).as_posix()
        return Recipe(name, split, source, (path,), settings)
