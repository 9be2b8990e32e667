"""Pairs of the phone task: as a phone records it, and as it was."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from tfaudiogan.audio.degradation import (
    Chain,
    DegradationPreset,
    Recordings,
    Room,
    degradation_preset,
    mixed_preset,
)
from tfaudiogan.audio.degradation.recordings import NO_RECORDINGS
from tfaudiogan.audio.degradation.room import require_pyroomacoustics
from tfaudiogan.audio.files import read_audio, write_audio
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.splits import SPLITS
from tfaudiogan.making.build import Recipe, RenderReport, build_corpus
from tfaudiogan.making.sources import CleanSources

TASK = "phone"


def render_phone(
    source_folder: Path | str,
    out: Path | str,
    *,
    preset: str | Sequence[str] = "phone",
    recordings: Mapping[str, Recordings] | None = None,
    sample_rate: int = 44100,
    seed: int = 0,
    variants: int = 1,
    soundfonts: Sequence[Path | str] = (),
    jobs: int | None = None,
    beam: Sequence[str] | None = None,
    tracks: int | Mapping[str, int] | None = None,
    overwrite: bool = False,
) -> tuple[Corpus, RenderReport]:
    """Degrade every recording of a folder, or every performance of a folder of MIDI.

    Each track's degradations are drawn by its name and the seed, and kept in the manifest's
    settings (``Chain.from_settings`` applies them again). Resumable and parallel as
    ``build.build_corpus`` says; the bytes depend on neither the other tracks nor the jobs.

    Args:
        source_folder: clean recordings of any format and rate, mixed to mono; or MIDI, played as
            ``sources.CleanSources`` says.
        out: the corpus's folder.
        preset: one of ``DEGRADATION_PRESETS``, or several (``degradation.mixed_preset``).
        recordings: recorded devices for each split (``devices.find_recorded_devices``).
        sample_rate: in hertz.
        seed: of all draws.
        variants: pairs of each track, each with draws of its own.
        soundfonts: for MIDI; ``synthesis.find_soundfont`` by default.
        jobs: processes, each with one track in memory; one for each processor by default.
        beam: pipeline options of Apache Beam, to render on many machines (``making.beam``).
        tracks: at most so many pairs of each split, or a number for each split by name, where a
            split that is not named is whole.
        overwrite: replace what ``out`` holds of other settings or other sources.

    Raises:
        InputError: when there is no track that can be rendered, a setting is wrong, or
            pyroomacoustics is missing. A file that can't be read is no error: the report names it.
    """
    presets = [preset] if isinstance(preset, str) else list(preset)
    recordings = recordings or dict.fromkeys(SPLITS, NO_RECORDINGS)
    degradations = {split: mixed_preset(presets, recordings[split]) for split in SPLITS}
    sources = CleanSources.of(source_folder, sample_rate, seed, soundfonts)
    recipes = []
    for recipe, rng in sources.recipes(variants):
        chain = degradations[recipe.split].draw(rng)
        if any(isinstance(stage, Room) for stage in chain.stages):
            require_pyroomacoustics()
        settings = {
            **recipe.settings,
            "preset": " ".join(presets),
            "chain": chain.to_settings(),
            "libsndfile": soundfile.__libsndfile_version__,
        }
        recipes.append(dataclasses.replace(recipe, settings=settings))
    return build_corpus(
        out,
        recipes,
        _Phone(sources),
        task=TASK,
        sample_rate=sample_rate,
        jobs=jobs,
        beam=beam,
        tracks=tracks,
        overwrite=overwrite,
        what=f"tracks in {source_folder}",
    )


@dataclass(frozen=True)
class _Phone:
    sources: CleanSources

    def __call__(self, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
        clean = self.sources.read(recipe)
        chain = Chain.from_settings(recipe.settings["chain"])
        return chain(clean, self.sources.sample_rate), clean


def degrade_file(
    source: Path | str,
    out: Path | str,
    *,
    preset: str = "phone",
    seed: int = 0,
    sample_rate: int | None = None,
) -> Chain:
    """Degrade one recording, to hear what a preset does; never left clean.

    Where it would exceed full scale it is turned down as a whole.

    Args:
        source: any audio file; mixed to mono.
        out: where to write; the extension gives the format.
        preset: one of ``DEGRADATION_PRESETS``, or ``"varied"``.
        seed: of the draw.
        sample_rate: of the output, in hertz; the recording's by default.

    Returns:
        What was done.

    Raises:
        InputError: when a file can't be read or written, the preset is unknown, or pyroomacoustics
            is missing.
    """
    rng = np.random.default_rng(seed)
    degradations = degradation_preset(preset)
    if isinstance(degradations, DegradationPreset):
        degradations = dataclasses.replace(degradations, clean=0.0)
    chain = degradations.draw(rng)
    while not chain.stages:
        chain = degradations.draw(rng)
    audio, rate = read_audio(source, sample_rate, mono=True)
    heard = chain(audio, rate)
    write_audio(out, heard / max(1.0, np.abs(heard).max()), rate)
    return chain
