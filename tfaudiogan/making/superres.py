"""Pairs of the super-resolution task: recordings without and with the upper part of the spectrum.

The task is that of Kuleshov, Enam and Ermon 2017 (Audio Super-Resolution Using Neural Networks) and
of Kim and Sathe 2018 (Adversarial Audio Super-Resolution with Unsupervised Feature Losses). The
input is upsampled to the target's rate by a cubic spline, so the identity baseline is the spline
baseline of those papers.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tfaudiogan.audio.filters import LowPass
from tfaudiogan.audio.splines import sample_spline
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.making.build import Recipe, RenderReport, build_corpus
from tfaudiogan.making.sources import CleanSources

TASK = "superres"
RATIOS = (2, 4, 6)
CUTOFF = (0.8, 1.0)
"""Range of the low-pass filter's cutoff, as a share of half the lower rate."""


def lower_resolution(
    audio: np.ndarray, sample_rate: int, ratio: int, low_pass: LowPass
) -> np.ndarray:
    """Low-pass filter ``(samples,)``, keep every ``ratio``-th sample, and interpolate by a spline.

    Returns:
        float32 of the same rate and alignment, up to the last sample kept:
        ``(samples - 1) // ratio * ratio + 1`` samples.
    """
    kept = low_pass(audio, sample_rate)[::ratio]
    return sample_spline(kept, 1.0 / ratio, (len(kept) - 1) * ratio + 1)


def first_missing_bin(corpus: Corpus, n_fft: int) -> int:
    """Return the bin, a multiple of 4, from which the low-pass filters may have removed partials.

    Args:
        corpus: pairs of this task, of which the largest ratio counts; one that is not stated
            counts as the largest of ``RATIOS``.
        n_fft: samples in a frame of the spectrum.
    """
    ratio = max(pair.settings.get("ratio", RATIOS[-1]) for pair in corpus.pairs)
    return max(4, int(CUTOFF[0] * n_fft / (2 * ratio)) // 4 * 4)


def render_superres(
    source_folder: Path | str,
    out: Path | str,
    *,
    ratio: int = 4,
    sample_rate: int = 44100,
    seed: int = 0,
    variants: int = 1,
    soundfonts: Sequence[Path | str] = (),
    jobs: int | None = None,
    beam: Sequence[str] | None = None,
    tracks: int | Mapping[str, int] | None = None,
    overwrite: bool = False,
) -> tuple[Corpus, RenderReport]:
    """Lower the resolution of every recording in a folder, or of every MIDI performance.

    Family, order and cutoff of the low-pass filter depend on the track's name and the seed. Their
    variety keeps a network from learning the edge of one filter. The build is resumable and
    parallel (``build.build_corpus``).

    Args:
        source_folder: folder of recordings or MIDI files, as for ``phone.render_phone``.
        out: folder of the corpus.
        ratio: one of ``RATIOS``.
        sample_rate: sample rate of input and target, in hertz.
        seed: random seed.
        variants: number of pairs made from each track, each with its own draws.
        soundfonts: soundfonts for MIDI; ``synthesis.find_soundfont`` by default.
        jobs: number of processes, each with one track in memory; by default one for each CPU.
        beam: pipeline options of Apache Beam, to render on many machines (``making.beam``).
        tracks: largest number of pairs of each split, or of each split that is named; splits that
            are not named have all of theirs.
        overwrite: whether to replace pairs of other settings and drop pairs of other sources.

    Raises:
        InputError: if no track can be rendered, or a setting is wrong. A single file that cannot be
            read is only listed in the report.
    """
    if ratio not in RATIOS:
        raise InputError(f"ratio is {ratio}; expected one of {', '.join(map(str, RATIOS))}")
    sources = CleanSources.of(source_folder, sample_rate, seed, soundfonts)
    half = sample_rate / ratio / 2
    recipes = []
    for recipe, rng in sources.recipes(variants):
        low_pass = LowPass.draw(rng, (CUTOFF[0] * half, CUTOFF[1] * half))
        settings = {**recipe.settings, "ratio": ratio, "low_pass": asdict(low_pass)}
        recipes.append(dataclasses.replace(recipe, settings=settings))
    return build_corpus(
        out,
        recipes,
        _SuperResolution(sources),
        task=TASK,
        sample_rate=sample_rate,
        jobs=jobs,
        beam=beam,
        tracks=tracks,
        overwrite=overwrite,
        what=f"tracks in {source_folder}",
    )


@dataclass(frozen=True)
class _SuperResolution:
    sources: CleanSources

    def __call__(self, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
        clean = self.sources.read(recipe)
        low_pass = LowPass(**recipe.settings["low_pass"])
        low = lower_resolution(clean, self.sources.sample_rate, recipe.settings["ratio"], low_pass)
        return low, clean[: len(low)]
