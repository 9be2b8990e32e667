"""Pairs of the instrument task: each MIDI performance on two instruments."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.making.build import Recipe, RenderReport, build_corpus
from tfaudiogan.making.midi import Transformation, find_midi_files, read_midi
from tfaudiogan.making.synthesis import (
    check_same_synthesis,
    check_synthesis_rate,
    find_soundfont,
    sounding_seconds,
    synthesize,
    synthesizer_version,
)
from tfaudiogan.making.synthesizer import GAIN
from tfaudiogan.storage import checksum

TASK = "instrument"
ELECTRIC_PIANO = Transformation(program=4)
GRAND_PIANO = Transformation(program=0)


def render_corpus(
    midi_folder: Path | str,
    out: Path | str,
    *,
    input: Transformation = ELECTRIC_PIANO,
    target: Transformation = GRAND_PIANO,
    soundfont: Path | str | None = None,
    sample_rate: int = 44100,
    jobs: int | None = None,
    beam: Sequence[str] | None = None,
    tracks: int | Mapping[str, int] | None = None,
    overwrite: bool = False,
) -> tuple[Corpus, RenderReport]:
    """Render every performance in a folder of MIDI files with two transformations.

    The build is resumable and parallel (``build.build_corpus``).

    Args:
        midi_folder: any folder of MIDI files, or one in the MAESTRO layout
            (``midi.find_midi_files``).
        out: folder of the corpus.
        input: transformation of the input.
        target: transformation of the target.
        soundfont: path of an SF2 or SF3 file; ``synthesis.find_soundfont`` by default.
        sample_rate: in hertz.
        jobs: number of processes, each with one track in memory; by default one for each CPU.
        beam: pipeline options of Apache Beam, to render on many machines (``making.beam``).
        tracks: largest number of tracks of each split, or of each split that is named; splits that
            are not named have all of theirs. The choice depends only on the names of the tracks.
        overwrite: whether to replace pairs of other settings and drop pairs of other sources.

    Raises:
        InputError: if no track can be rendered, or a setting is wrong. A single file that cannot be
            read is only listed in the report.
    """
    renderer = Renderer.of(input, target, soundfont, sample_rate)
    return build_corpus(
        out,
        renderer.recipes(midi_folder),
        renderer,
        task=TASK,
        sample_rate=sample_rate,
        jobs=jobs,
        beam=beam,
        tracks=tracks,
        overwrite=overwrite,
        what=f"MIDI files in {midi_folder}",
    )


@dataclass(frozen=True)
class Renderer:
    """Render a track, with the settings that all tracks of a corpus share."""

    input: Transformation
    target: Transformation
    soundfont: Path
    sample_rate: int

    @classmethod
    def of(
        cls,
        input: Transformation = ELECTRIC_PIANO,
        target: Transformation = GRAND_PIANO,
        soundfont: Path | str | None = None,
        sample_rate: int = 44100,
    ) -> "Renderer":
        """Find the soundfont and check the sample rate.

        Raises:
            InputError: if either cannot be used.
        """
        check_synthesis_rate(sample_rate)
        return cls(input, target, find_soundfont(soundfont), sample_rate)

    def recipes(self, midi_folder: Path | str) -> list[Recipe]:
        """Return a recipe for every performance in a folder of MIDI files.

        Raises:
            InputError: if there is none, or FluidSynth is missing.
        """
        settings = {
            "input": self.input.to_dict(),
            "target": self.target.to_dict(),
            "soundfont": self.soundfont.name,
            "soundfont_sha256": checksum(self.soundfont),
            "synthesiser": synthesizer_version(),  # The spelling of existing manifests.
            "gain": GAIN,
        }
        return [
            Recipe(
                file.name,
                file.split,
                file.path.relative_to(midi_folder).as_posix(),
                (file.path,),
                settings,
            )
            for file in find_midi_files(midi_folder)
        ]

    def __call__(self, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
        settings = recipe.settings
        check_same_synthesis(self.soundfont, settings["soundfont_sha256"], settings["synthesiser"])
        midi = read_midi(*recipe.paths)
        performances = [self.input.apply(midi), self.target.apply(midi)]
        samples = math.ceil(max(map(sounding_seconds, performances)) * self.sample_rate)
        input_audio, target_audio = (
            synthesize(
                performance,
                soundfont=self.soundfont,
                sample_rate=self.sample_rate,
                samples=samples,
            )
            for performance in performances
        )
        return input_audio, target_audio
