"""Build a corpus in parallel, whatever makes its pairs, resumable after each pair."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfaudiogan.corpus.manifest import Pair
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.splits import SPLITS
from tfaudiogan.corpus.writing import CorpusWriter
from tfaudiogan.errors import InputError
from tfaudiogan.making.beam import record_reported, require_beam, run_beam
from tfaudiogan.parallel import check_jobs, run_jobs
from tfaudiogan.progress import progress_bar
from tfaudiogan.storage import checksum


@dataclass(frozen=True)
class Recipe:
    """A pair to be made: its entries in the manifest, and the files that it is made from.

    The pair is made again if the contents of the files, the split or the settings change.
    """

    name: str
    split: str
    source: str
    paths: tuple[Path, ...]
    settings: Mapping[str, Any]

    def checksum(self) -> str:
        """Return the SHA-256 of the file, or of the files' checksums if there are several."""
        checksums = [checksum(path) for path in self.paths]
        if len(checksums) == 1:
            return checksums[0]
        return hashlib.sha256("".join(checksums).encode()).hexdigest()


Maker = Callable[[Recipe], tuple[np.ndarray, np.ndarray]]
"""A function that makes input and target of a pair, ``(samples,)`` each.

It raises an InputError if it cannot make the pair. Since it is sent to other processes, it must be
picklable: a module-level function or a frozen dataclass, not a closure.
"""


@dataclass(frozen=True)
class RenderReport:
    """Names of the tracks that a run rendered or skipped, and the reasons why it refused others."""

    rendered: tuple[str, ...]
    skipped: tuple[str, ...]
    refused: Mapping[str, str]


def build_corpus(
    out: Path | str,
    recipes: Sequence[Recipe],
    make: Maker,
    *,
    task: str,
    sample_rate: int,
    jobs: int | None = None,
    beam: Sequence[str] | None = None,
    tracks: int | Mapping[str, int] | None = None,
    overwrite: bool = False,
    what: str = "tracks",
) -> tuple[Corpus, RenderReport]:
    """Make every pair that ``out`` does not yet hold, made from the same files and settings.

    Pairs whose files or split have changed are replaced. Each pair is recorded when it is made, so
    an interrupted run can be resumed. The files' contents depend neither on the number of jobs nor
    on the machines that make them.

    Args:
        out: folder of the corpus.
        recipes: the pairs to make.
        make: makes one pair.
        task: task of the corpus.
        sample_rate: in hertz.
        jobs: number of processes, each with one track in memory; by default one for each CPU.
        beam: Apache Beam's pipeline options (``making.beam``). Its workers, which must see every
            path as it is on this machine, then replace the ``jobs`` processes.
        tracks: largest number of tracks of each split, or of each split that is named; splits that
            are not named have all of theirs. The choice depends only on the names of the tracks.
        overwrite: whether to replace pairs of other settings and drop pairs of other sources.
        what: what the recipes are, for error messages.

    Raises:
        InputError: if no pair can be made, a setting is wrong, or ``out`` holds pairs of other
            settings or sources. A single track that cannot be made is only listed in the report.
    """
    check_jobs(jobs)
    if beam is not None:
        require_beam()
    wanted = _choose(recipes, tracks)
    writer = CorpusWriter(out, task, sample_rate, overwrite)
    if not overwrite:
        _check_sources(writer, recipes, what)
    _remove_partial_files(writer.folder)
    record_reported(writer)

    done, refused, todo = [], {}, []
    checksums: dict[tuple[Path, ...], str] = {}
    for recipe in recipes:
        try:
            if recipe.paths not in checksums:
                checksums[recipe.paths] = recipe.checksum()
            source_sha256 = checksums[recipe.paths]
        except OSError as error:
            refused[recipe.name] = f"{error.filename} cannot be read: {error.strerror}"
            continue
        if not overwrite:
            _check_settings(writer, recipe, source_sha256)
        if writer.done(recipe.name, recipe.split, source_sha256, recipe.settings):
            done.append(recipe.name)
        elif recipe.name in wanted:
            todo.append((recipe, source_sha256))
    writer.keep_only(done)
    skipped = [name for name in done if name in wanted]

    rendered = []
    with progress_bar() as progress:
        bar = progress.add_task(
            "Rendering", total=len(skipped) + len(todo), completed=len(skipped), status=""
        )

        def finish(item: tuple[Recipe, str], result: Callable[[], Pair]) -> None:
            name = item[0].name
            try:
                writer.record(result())
                rendered.append(name)
            except InputError as error:
                refused[name] = str(error)
            progress.update(bar, advance=1, status=name)

        worker = _Worker(make, writer)
        try:
            if beam is None:
                run_jobs(worker, todo, finish, jobs)
            else:
                run_beam(worker, todo, finish, writer.folder, beam)
        finally:
            _remove_partial_files(writer.folder)
            writer.save()
    if not rendered and not done:
        raise InputError(
            f"none of the {len(wanted)} {what} could be rendered; the first reason: "
            f"{next(iter(refused.values()), 'no track was requested')}"
        )
    report = RenderReport(tuple(sorted(rendered)), tuple(skipped), refused)
    return Corpus.load(writer.folder), report


def _choose(recipes: Sequence[Recipe], tracks: int | Mapping[str, int] | None) -> set[str]:
    """Return the names of the tracks to render: in each split those with the smallest hashes."""
    if tracks is None:
        return {recipe.name for recipe in recipes}
    limits = dict(tracks) if isinstance(tracks, Mapping) else dict.fromkeys(SPLITS, tracks)
    for split, limit in limits.items():
        if split not in SPLITS or limit < 0:
            raise InputError(
                f"{limit} tracks of split {split!r}; expected 0 or more, and one of the splits "
                f"{', '.join(SPLITS)}"
            )
    names = set()
    for split in SPLITS:
        of_split = [recipe.name for recipe in recipes if recipe.split == split]
        of_split.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
        names.update(of_split[: limits.get(split)])
    return names


_ADVICE = "keep settings and sources, replace the corpus with --overwrite, or give another --out"


def _check_sources(writer: CorpusWriter, recipes: Sequence[Recipe], what: str) -> None:
    """Raise InputError if the corpus holds a pair that no recipe makes."""
    wanted = {recipe.name for recipe in recipes}
    for name in writer.pairs:
        if name not in wanted:
            raise InputError(
                f"{writer.folder} holds {name}, which is not one of the {len(wanted)} {what}; "
                f"{_ADVICE}"
            )


def _check_settings(writer: CorpusWriter, recipe: Recipe, source_sha256: str) -> None:
    """Raise InputError if the corpus holds the pair, made from the same source differently."""
    pair = writer.pairs.get(recipe.name)
    if pair is None or pair.source_sha256 != source_sha256:
        return
    old = dict(pair.settings)
    new = json.loads(json.dumps(dict(recipe.settings)))
    for name in old | new:
        if old.get(name) != new.get(name):
            raise InputError(
                f"{writer.folder} holds {pair.name} made with {name} "
                f"{json.dumps(old.get(name))}, not {json.dumps(new.get(name))}; {_ADVICE}"
            )


def _remove_partial_files(folder: Path) -> None:
    for path in folder.rglob(".*.partial.*"):
        path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Worker:
    make: Maker
    writer: CorpusWriter

    def __call__(self, item: tuple[Recipe, str]) -> Pair:
        recipe, source_sha256 = item
        return self.writer.write_pair(
            *self.make(recipe),
            name=recipe.name,
            split=recipe.split,
            source=recipe.source,
            source_sha256=source_sha256,
            settings=recipe.settings,
        )
