"""Clean audio to be degraded: from a folder of recordings, or of MIDI files that are played."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfaudiogan.audio.draws import named_generator
from tfaudiogan.audio.files import EXTENSIONS, read_audio
from tfaudiogan.corpus.splits import assign_splits
from tfaudiogan.errors import InputError
from tfaudiogan.making.build import Recipe
from tfaudiogan.making.midi import Transformation, find_midi_files, read_midi
from tfaudiogan.making.soundfonts import read_presets
from tfaudiogan.making.synthesis import (
    check_same_synthesis,
    check_synthesis_rate,
    find_soundfont,
    synthesize,
    synthesizer_version,
)
from tfaudiogan.making.synthesizer import GAIN
from tfaudiogan.storage import checksum

PROGRAMS = (0, 1, 4, 5, 6, 8, 11, 16, 19, 21, 24, 25, 27, 46, 48, 61, 73)
"""General MIDI programs, counted from 0, that play the performances: pianos, harpsichord, celesta,
vibraphone, organs, accordion, guitars, harp, strings, brass, flute."""


def find_recordings(folder: Path | str) -> dict[str, Path]:
    """Find the audio files of a folder at any depth, by their relative path without the suffix.

    If two files differ only in their suffix, the name of the second includes it. Hidden files are
    skipped.

    Raises:
        InputError: if there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give one that holds recordings")
    recordings: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if path.suffix.lower() in EXTENSIONS and not hidden and path.is_file():
            name = relative.with_suffix("").as_posix()
            recordings[relative.as_posix() if name in recordings else name] = path
    return recordings


@functools.cache
def _programs_of(soundfont: Path) -> tuple[int, ...]:
    """Return those of ``PROGRAMS`` that a soundfont has, or all if it has none and cannot play."""
    presets = read_presets(soundfont)
    return tuple(program for program in PROGRAMS if (0, program) in presets) or PROGRAMS


@dataclass(frozen=True)
class CleanSources:
    """The tracks of a folder of recordings or MIDI files, and their clean audio.

    Each MIDI file is played with one of the soundfonts by one of ``PROGRAMS`` that it has, which
    depend on the file's name and the seed. There may be several variants of a track, each with its
    own draws: the second variant of ``name`` is ``name~2``.

    Args:
        folder: folder of recordings (``files.EXTENSIONS``) or, if it has none, of MIDI files.
        sample_rate: sample rate of the audio, in hertz.
        seed: random seed.
        soundfonts: paths of SF2 or SF3 files by their checksums.
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
        """Find the soundfonts, if MIDI files are to be played.

        ``soundfonts`` are paths of SF2 or SF3 files; ``synthesis.find_soundfont`` by default.
        """
        paths = [find_soundfont(path) for path in soundfonts or (None,)]
        if find_recordings(folder):
            paths = []
        return cls(Path(folder), sample_rate, seed, {checksum(path): path for path in paths})

    def recipes(self, variants: int = 1) -> Iterator[tuple[Recipe, np.random.Generator]]:
        """Yield a recipe for each variant of each track, and a generator for further draws.

        Raises:
            InputError: if the folder has neither recordings nor MIDI files, or ``variants`` is
                below 1.
        """
        if variants < 1:
            raise InputError(f"variants is {variants}; expected 1 or more")
        recordings = find_recordings(self.folder)
        splits = assign_splits(recordings)
        tracks = [(name, splits[name], path) for name, path in recordings.items()]
        if not tracks:
            check_synthesis_rate(self.sample_rate)
            tracks = [(file.name, file.split, file.path) for file in find_midi_files(self.folder)]
        for name, split, path in tracks:
            source = path.relative_to(self.folder).as_posix()
            for variant in range(1, variants + 1):
                label = name if variant == 1 else f"{name}~{variant}"
                rng = named_generator(self.seed, label)
                settings = {"seed": self.seed}
                if not recordings:
                    settings |= self._draw_instrument(rng)
                yield Recipe(label, split, source, (path,), settings), rng

    def _draw_instrument(self, rng: np.random.Generator) -> dict[str, Any]:
        soundfont = str(rng.choice(sorted(self.soundfonts)))
        return {
            "program": int(rng.choice(_programs_of(self.soundfonts[soundfont]))),
            "soundfont": self.soundfonts[soundfont].name,
            "soundfont_sha256": soundfont,
            "synthesiser": synthesizer_version(),  # The spelling of existing manifests.
            "gain": GAIN,
        }

    def read(self, recipe: Recipe) -> np.ndarray:
        """Read or play the track's audio, ``(samples,)`` float32.

        Raises:
            InputError: if it cannot be read or played.
        """
        (path,) = recipe.paths
        if "program" not in recipe.settings:
            audio, _ = read_audio(path, self.sample_rate, mono=True)
            return audio
        sha256 = recipe.settings["soundfont_sha256"]
        soundfont = self.soundfonts[sha256]
        check_same_synthesis(soundfont, sha256, recipe.settings["synthesiser"])
        midi = Transformation(program=recipe.settings["program"]).apply(read_midi(path))
        return synthesize(midi, soundfont=soundfont, sample_rate=self.sample_rate)
