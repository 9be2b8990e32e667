"""Pairs of the phone task: recordings as a phone would make them, and the clean originals."""

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
from tfaudiogan.errors import InputError
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
    """Degrade every recording in a folder, or every performance in a folder of MIDI files.

    The degradations of a track depend on its name and the seed, and are kept in the manifest's
    settings, from which ``Chain.from_settings`` applies them again. The build is resumable and
    parallel (``build.build_corpus``).

    Args:
        source_folder: folder of clean recordings of any format and rate, which are mixed to mono;
            or of MIDI files, which are played as described in ``sources.CleanSources``.
        out: folder of the corpus.
        preset: name of a degradation preset, or several with shares (``degradation.mixed_preset``).
        recordings: recorded devices for each split (``devices.find_recorded_devices``).
        sample_rate: in hertz.
        seed: random seed.
        variants: number of pairs made from each track, each with its own draws.
        soundfonts: soundfonts for MIDI; ``synthesis.find_soundfont`` by default.
        jobs: number of processes, each with one track in memory; by default one for each CPU.
        beam: pipeline options of Apache Beam, to render on many machines (``making.beam``).
        tracks: largest number of pairs of each split, or of each split that is named; splits that
            are not named have all of theirs.
        overwrite: whether to replace pairs of other settings and drop pairs of other sources.

    Raises:
        InputError: if no track can be rendered, a setting is wrong, or pyroomacoustics is missing.
            A single file that cannot be read is only listed in the report.
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
    """Degrade one recording, to hear what a preset does.

    The recording is never left clean. A result that exceeds full scale is scaled to fit.

    Args:
        source: any audio file, which is mixed to mono.
        out: where to write; the extension determines the format.
        preset: name of a degradation preset (``degradation.degradation_preset``).
        seed: random seed.
        sample_rate: sample rate of the output, in hertz; the recording's by default.

    Returns:
        The degradations that were applied.

    Raises:
        InputError: if a file cannot be read or written, ``out`` is the recording itself, the preset
            is unknown, or pyroomacoustics is missing.
    """
    if Path(out).exists() and Path(out).samefile(source):
        raise InputError(f"{out} is the recording itself; choose another output")
    rng = np.random.default_rng(seed)
    degradations = degradation_preset(preset)
    if isinstance(degradations, DegradationPreset):
        degradations = dataclasses.replace(degradations, clean=0.0)
    chain = degradations.draw(rng)
    while not chain.stages:
        chain = degradations.draw(rng)
    audio, rate = read_audio(source, sample_rate, mono=True)
    degraded = chain(audio, rate)
    write_audio(out, degraded / max(1.0, np.abs(degraded).max()), rate)
    return chain
