"""Pairs from a user's own recordings: two folders with recordings of the same performances."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfaudiogan.audio.alignment import (
    MIN_SECONDS,
    SAME_SOUND,
    Alignment,
    align,
    correlation,
    estimate_alignment,
)
from tfaudiogan.audio.files import check_sample_rate, read_audio
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.splits import assign_splits
from tfaudiogan.errors import InputError
from tfaudiogan.making.build import Recipe, build_corpus
from tfaudiogan.making.sources import find_recordings
from tfaudiogan.parallel import check_jobs, run_jobs
from tfaudiogan.progress import progress_bar

TASK = "pairs"
MIN_PAIRS = 3
MIN_TOTAL_SECONDS = 30.0
ENOUGH_SECONDS = 600.0
MAX_LENGTH_RATIO = 2.0
MIN_OVERLAP = 0.5


@dataclass(frozen=True)
class Match:
    """The alignment of one pair, whose delay, drift and polarity are corrected.

    Attributes:
        seconds: time that input and target share.
        delay_ms: delay of the input.
        drift_ppm: how much faster the input's clock ran.
        inverted: whether the input's polarity was inverted.
        agreement: share of positions that agree with delay and drift (``alignment.Alignment``);
            ``None`` if the pair was not to be aligned.
        correlation: correlation of input and target after the correction, -1 to 1. It is low for
            different instruments or much reverberation, even if they are aligned.
    """

    seconds: float
    delay_ms: float
    drift_ppm: float
    inverted: bool
    agreement: float | None
    correlation: float

    @property
    def by_onsets(self) -> bool:
        """Whether only the onsets match, so that the delay is only accurate to 10 ms."""
        return self.agreement is not None and self.agreement < SAME_SOUND


@dataclass(frozen=True)
class PairingReport:
    """The match of each pair, and the reasons why other pairs were refused, by name."""

    matches: Mapping[str, Match]
    refused: Mapping[str, str]

    @property
    def seconds(self) -> float:
        """Length of all pairs together, in seconds."""
        return sum(match.seconds for match in self.matches.values())

    @property
    def shortage(self) -> str | None:
        """A warning if there is little to learn from, else ``None``."""
        if self.seconds >= ENOUGH_SECONDS:
            return None
        return (
            f"there are only {_duration(self.seconds)} of pairs; a network can learn from them, "
            f"but needs {_duration(ENOUGH_SECONDS)} or more to do well on other recordings"
        )


def pair_recordings(
    input_folder: Path | str,
    target_folder: Path | str,
    out: Path | str,
    *,
    sample_rate: int = 44100,
    alignment: bool = True,
    jobs: int | None = None,
    overwrite: bool = False,
) -> tuple[Corpus, PairingReport]:
    """Match recordings by name, align each input to its target, and write a corpus.

    Recordings of any format and rate match if their paths in the folders differ only in the suffix.
    They are mixed to mono. The input's delay and drift are estimated and removed
    (``audio.alignment``), both sides are trimmed to the time they share, and each pair is assigned
    to a split.

    Args:
        input_folder: folder of input recordings.
        target_folder: folder of target recordings.
        out: folder of the corpus.
        sample_rate: sample rate of the corpus, in hertz.
        alignment: ``False`` if the recordings are already aligned to the sample from their start.
        jobs: number of processes, each with one pair in memory; by default one for each CPU.
        overwrite: whether to replace pairs of other settings and drop pairs of other recordings.

    Raises:
        InputError: if fewer than ``MIN_PAIRS`` pairs, or less than ``MIN_TOTAL_SECONDS`` of pairs,
            can be used. A single pair that cannot be used is only listed in the report.
    """
    check_jobs(jobs)
    check_sample_rate(sample_rate, "the corpus")
    paths, refused = _match_names(Path(input_folder), Path(target_folder))
    report = _examine(paths, refused, sample_rate, alignment, jobs)
    if len(report.matches) < MIN_PAIRS or report.seconds < MIN_TOTAL_SECONDS:
        raise InputError(_too_little(report))
    splits = assign_splits(report.matches)
    recipes = []
    for name, match in report.matches.items():
        input_path, target_path = paths[name]
        settings = {
            "target": target_path.relative_to(target_folder).as_posix(),
            "delay_ms": match.delay_ms,
            "drift_ppm": match.drift_ppm,
            "inverted": match.inverted,
            "agreement": match.agreement,
            "correlation": match.correlation,
        }
        source = input_path.relative_to(input_folder).as_posix()
        recipes.append(Recipe(name, splits[name], source, paths[name], settings))
    corpus, rendered = build_corpus(
        out,
        recipes,
        _Aligner(sample_rate),
        task=TASK,
        sample_rate=sample_rate,
        jobs=jobs,
        overwrite=overwrite,
        what=f"pairs of {input_folder} and {target_folder}",
    )
    written = {n: m for n, m in report.matches.items() if n not in rendered.refused}
    return corpus, PairingReport(written, {**report.refused, **rendered.refused})


def _match_names(
    input_folder: Path, target_folder: Path
) -> tuple[dict[str, tuple[Path, Path]], dict[str, str]]:
    """Return input and target by name, and the reasons why other names have no pair."""
    inputs, targets = find_recordings(input_folder), find_recordings(target_folder)
    for folder, recordings in ((input_folder, inputs), (target_folder, targets)):
        if not recordings:
            raise InputError(f"{folder} holds no recordings; give a folder of WAV, FLAC, Ogg, MP3")
    refused = {name: f"no recording of this name in {target_folder}" for name in inputs}
    refused |= {name: f"no recording of this name in {input_folder}" for name in targets}
    names = sorted(set(inputs) & set(targets))
    for name in names:
        del refused[name]
    return {name: (inputs[name], targets[name]) for name in names}, refused


def _examine(
    paths: Mapping[str, tuple[Path, Path]],
    refused: Mapping[str, str],
    sample_rate: int,
    alignment: bool,
    jobs: int | None,
) -> PairingReport:
    matches, refused = {}, dict(refused)
    with progress_bar() as progress:
        bar = progress.add_task("Aligning", total=len(paths), status="")

        def finish(item: tuple[str, tuple[Path, Path]], result: Callable[[], Match]) -> None:
            name = item[0]
            try:
                matches[name] = result()
            except InputError as error:
                refused[name] = str(error)
            progress.update(bar, advance=1, status=name)

        run_jobs(_Examiner(sample_rate, alignment), list(paths.items()), finish, jobs)
    return PairingReport({name: matches[name] for name in sorted(matches)}, refused)


@dataclass(frozen=True)
class _Examiner:
    """Examine one pair; raises an InputError if it cannot be used."""

    sample_rate: int
    alignment: bool

    def __call__(self, item: tuple[str, tuple[Path, Path]]) -> Match:
        _, paths = item
        sides = [read_audio(path, self.sample_rate, mono=True)[0] for path in paths]
        lengths = [len(side) / self.sample_rate for side in sides]
        if min(lengths) < MIN_SECONDS:
            raise InputError(
                f"too short: input lasts {lengths[0]:.2f} s, target {lengths[1]:.2f} s; "
                f"{MIN_SECONDS:g} s or more are needed"
            )
        if max(lengths) > MAX_LENGTH_RATIO * min(lengths):
            raise InputError(
                f"different lengths: input lasts {lengths[0]:.2f} s, target {lengths[1]:.2f} s; "
                "cut them to the same performance"
            )
        alignment = Alignment(0.0, 0.0, False, 1.0)
        if self.alignment:
            alignment = estimate_alignment(*sides, self.sample_rate)
            if alignment is None:
                raise InputError(
                    "no correlation: input and target have nothing in common; give recordings of "
                    "the same performance, or use --aligned if they are known to be aligned"
                )
        alignment = Alignment(
            round(alignment.delay_s, 7),
            round(alignment.drift, 9),
            alignment.inverted,
            alignment.agreement,
        )
        aligned = align(*sides, self.sample_rate, alignment)
        seconds = len(aligned[0]) / self.sample_rate
        if seconds < max(MIN_SECONDS, MIN_OVERLAP * min(lengths)):
            raise InputError(
                f"too little in common: {seconds:.2f} s of {min(lengths):.2f} s; "
                "give recordings of the same performance"
            )
        return Match(
            seconds=seconds,
            delay_ms=round(alignment.delay_s * 1e3, 4),
            drift_ppm=round(alignment.drift * 1e6, 3),
            inverted=alignment.inverted,
            agreement=round(alignment.agreement, 3) if self.alignment else None,
            correlation=round(correlation(*aligned), 4),
        )


@dataclass(frozen=True)
class _Aligner:
    """Make one pair from its match."""

    sample_rate: int

    def __call__(self, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
        sides = [read_audio(path, self.sample_rate, mono=True)[0] for path in recipe.paths]
        alignment = Alignment(
            recipe.settings["delay_ms"] / 1e3,
            recipe.settings["drift_ppm"] / 1e6,
            recipe.settings["inverted"],
            agreement=1.0,
        )
        return align(*sides, self.sample_rate, alignment)


def _too_little(report: PairingReport) -> str:
    usable = f"{len(report.matches)} usable pairs, {_duration(report.seconds)} in all"
    needed = f"{MIN_PAIRS} pairs and {_duration(MIN_TOTAL_SECONDS)} are needed"
    refused = "; ".join(f"{name}: {reason}" for name, reason in sorted(report.refused.items())[:3])
    reasons = f"; refused {len(report.refused)}, such as {refused}" if refused else ""
    return (
        f"too little data: {usable}; at least {needed}, "
        f"{_duration(ENOUGH_SECONDS)} to do well{reasons}"
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} minutes"
