"""Build a corpus in parallel, whatever makes its pairs: resumable after each of them."""

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
    """A pair that can be made: what the manifest will say of it, and the files it is made from.

    The pair is made again when the files' contents, the split or the settings change.
    """

    name: str
    split: str
    source: str
    paths: tuple[Path, ...]
    settings: Mapping[str, Any]

    def checksum(self) -> str:
        """SHA-256 of the file; of the files' checksums where there are several."""
        checksums = [checksum(path) for path in self.paths]
        if len(checksums) == 1:
            return checksums[0]
        return hashlib.sha256("".join(checksums).encode()).hexdigest()


Maker = Callable[[Recipe], tuple[np.ndarray, np.ndarray]]
"""Makes input and target of a pair, ``(samples,)`` each; an InputError says why it can't.

It is sent to other processes: a module's function or a frozen dataclass, not a closure.
"""


@dataclass(frozen=True)
class RenderReport:
    """What a run did: names of tracks rendered and already there, and why others were refused."""

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
    """Make every pair that ``out`` doesn't hold already from the same files and settings.

    Pairs whose files or split have changed are replaced. Each pair is recorded as it is made, so a
    run that was stopped goes on where it was. The bytes don't depend on the number of jobs, nor on
    whether they run here or on many machines.

    Args:
        out: the corpus's folder.
        recipes: one for each pair.
        make: makes one.
        task: the corpus's.
        sample_rate: in hertz.
        jobs: processes, each with one track in memory; one for each processor by default.
        beam: Apache Beam's pipeline options (``making.beam``); its workers then take the place of
            ``jobs`` processes, and see every path under the name that it has here.
        tracks: at most so many of each split, or a number for each split by name, where a split
            that is not named is whole. Which ones depends on their names alone.
        overwrite: replace pairs of other settings, and drop those of other sources.
        what: what the recipes are, for the message when none can be made.

    Raises:
        InputError: when no pair can be made, a setting is wrong, or ``out`` holds pairs of other
            settings or sources. A track that can't be made is no error: the report names it.
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
    known: dict[tuple[Path, ...], str] = {}
    for recipe in recipes:
        try:
            if recipe.paths not in known:
                known[recipe.paths] = recipe.checksum()
            source_sha256 = known[recipe.paths]
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
            f"{next(iter(refused.values()), 'no track was asked for')}"
        )
    report = RenderReport(tuple(sorted(rendered)), tuple(skipped), refused)
    return Corpus.load(writer.folder), report


def _choose(recipes: Sequence[Recipe], tracks: int | Mapping[str, int] | None) -> set[str]:
    """Names of the tracks to render: in each split those with the smallest hash of the name."""
    if tracks is None:
        return {recipe.name for recipe in recipes}
    limits = dict(tracks) if isinstance(tracks, Mapping) else dict.fromkeys(SPLITS, tracks)
    for split, limit in limits.items():
        if split not in SPLITS or limit < 0:
            raise InputError(f"{limit} tracks of {split!r}; expected 0 or more of {SPLITS}")
    names = set()
    for split in SPLITS:
        of_split = [recipe.name for recipe in recipes if recipe.split == split]
        of_split.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
        names.update(of_split[: limits.get(split)])
    return names


_ADVICE = "give the same, replace it with --overwrite, or give another --out"


def _check_sources(writer: CorpusWriter, recipes: Sequence[Recipe], what: str) -> None:
    """Raise InputError when the corpus holds a pair that no recipe makes."""
    wanted = {recipe.name for recipe in recipes}
    for name in writer.pairs:
        if name not in wanted:
            raise InputError(
                f"{writer.folder} holds {name}, which is not one of the {len(wanted)} {what}; "
                f"{_ADVICE}"
            )


def _check_settings(writer: CorpusWriter, recipe: Recipe, source_sha256: str) -> None:
    """Raise InputError when the corpus holds the pair, made from the same with other settings."""
    pair = writer.pairs.get(recipe.name)
    if pair is None or pair.source_sha256 != source_sha256:
        return
    before = dict(pair.settings)
    now = json.loads(json.dumps(dict(recipe.settings)))
    for name in before | now:
        if before.get(name) != now.get(name):
            raise InputError(
                f"{writer.folder} holds {pair.name} made with {name} "
                f"{json.dumps(before.get(name))}, not {json.dumps(now.get(name))}; {_ADVICE}"
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
