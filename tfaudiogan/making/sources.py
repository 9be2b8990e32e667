"""Clean sound to be degraded: a folder of recordings, or of MIDI to be played."""

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
    name and the seed. A track may come in several variants, each with draws of its own: the second
    of ``name`` is ``name~2``.

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

    def recipes(self, variants: int = 1) -> Iterator[tuple[Recipe, np.random.Generator]]:
        """Each track so many times, and a generator for what else is to be drawn for it.

        Raises:
            InputError: when the folder holds neither recordings nor MIDI, or there are no variants.
        """
        if variants < 1:
            raise InputError(f"variants is {variants}; expected 1 or more")
        recordings = find_recordings(self.folder)
        splits = assign_splits(recordings)
        tracks = [(name, splits[name], path) for name, path in recordings.items()]
        if not tracks:
            check_synthesis_rate(self.sample_rate)
            found = find_midi_files(self.folder)
            tracks = [(track.name, track.split, track.path) for track in found]
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
            "program": int(rng.choice(PROGRAMS)),
            "soundfont": self.soundfonts[soundfont].name,
            "soundfont_sha256": soundfont,
            "synthesiser": synthesizer_version(),
            "gain": GAIN,
        }

    def read(self, recipe: Recipe) -> np.ndarray:
        """The track's sound, ``(samples,)`` float32.

        Raises:
            InputError: when it can't be read or played.
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
