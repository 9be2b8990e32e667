"""A folder of MIDI becomes a corpus of pairs: each performance on two instruments."""

import functools
import hashlib
import math
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfaudiogan.data.corpus import SPLITS, Corpus, CorpusWriter, Pair
from tfaudiogan.data.midi import Track, Transformation, find_tracks, read_midi
from tfaudiogan.data.synthesis import (
    GAIN,
    check_sample_rate,
    find_soundfont,
    sounding_seconds,
    synthesise,
    synthesiser_version,
)
from tfaudiogan.errors import InputError
from tfaudiogan.progress import progress_bar
from tfaudiogan.storage import checksum

TASK = "instrument"
ELECTRIC_PIANO = Transformation(program=4)
GRAND_PIANO = Transformation(program=0)


@dataclass(frozen=True)
class RenderReport:
    """What a run did: names of tracks rendered and already there, and why others were refused."""

    rendered: tuple[str, ...]
    skipped: tuple[str, ...]
    refused: Mapping[str, str]


def render_corpus(
    midi_folder: Path | str,
    out: Path | str,
    *,
    input: Transformation = ELECTRIC_PIANO,
    target: Transformation = GRAND_PIANO,
    soundfont: Path | str | None = None,
    sample_rate: int = 44100,
    jobs: int | None = None,
    tracks: int | Mapping[str, int] | None = None,
) -> tuple[Corpus, RenderReport]:
    """Render every performance in a folder of MIDI with two transformations.

    Tracks that ``out`` holds already, from the same source with the same settings, are skipped;
    pairs of other settings are replaced. The manifest is true after each track, so a run that was
    stopped goes on where it was. The bytes don't depend on the number of jobs.

    Args:
        midi_folder: any folder of MIDI, or the MAESTRO layout (``midi.find_tracks``).
        out: the corpus's folder.
        input: how the performance sounds.
        target: how it should sound.
        soundfont: path of an SF2 or SF3 file; ``synthesis.find_soundfont`` by default.
        sample_rate: in hertz.
        jobs: processes, each with one track in memory; one for each processor by default.
        tracks: at most so many of each split, or a number for each split by name. Which ones
            depends on their names alone.

    Raises:
        InputError: when there is no track that can be rendered, or a setting is wrong. A file that
            can't be read is no error: the report names it.
    """
    if jobs is not None and jobs < 1:
        raise InputError(f"jobs is {jobs}; expected 1 or more")
    check_sample_rate(sample_rate)
    soundfont = find_soundfont(soundfont)
    settings = {
        "input": input.to_dict(),
        "target": target.to_dict(),
        "soundfont": soundfont.name,
        "soundfont_sha256": checksum(soundfont),
        "synthesiser": synthesiser_version(),
        "gain": GAIN,
    }
    found = find_tracks(midi_folder)
    wanted = _choose(found, tracks)
    writer = CorpusWriter(out, TASK, sample_rate)
    _remove_partial_files(writer.folder)

    done, refused, todo = [], {}, []
    for track in found:
        try:
            source_sha256 = checksum(track.path)
        except OSError as error:
            refused[track.name] = f"{track.path} cannot be read: {error.strerror}"
            continue
        if writer.done(track.name, track.split, source_sha256, settings):
            done.append(track.name)
        elif track.name in wanted:
            todo.append((track, source_sha256))
    writer.keep_only(done)
    skipped = [name for name in done if name in wanted]

    rendered = []
    renderer = _Renderer(Path(midi_folder), writer, soundfont, input, target, settings)
    with progress_bar() as progress:
        bar = progress.add_task(
            "Rendering", total=len(skipped) + len(todo), completed=len(skipped), status=""
        )

        def finish(track: Track, result: Callable[[], Pair]) -> None:
            try:
                writer.record(result())
                rendered.append(track.name)
            except InputError as error:
                refused[track.name] = str(error)
            progress.update(bar, advance=1, status=track.name)

        jobs = min(jobs or _processors(), len(todo))
        if jobs > 1:
            _render_in_processes(renderer, todo, jobs, finish)
        else:
            for track, source_sha256 in todo:
                finish(track, functools.partial(renderer, track, source_sha256))
    if not rendered and not done:
        raise InputError(
            f"none of the {len(wanted)} MIDI files in {midi_folder} could be rendered; the first "
            f"reason: {next(iter(refused.values()), 'no track was asked for')}"
        )
    report = RenderReport(tuple(sorted(rendered)), tuple(skipped), refused)
    return Corpus.load(writer.folder), report


@dataclass(frozen=True)
class _Renderer:
    """Renders one track; everything that the tracks of a corpus share."""

    midi_folder: Path
    writer: CorpusWriter
    soundfont: Path
    input: Transformation
    target: Transformation
    settings: Mapping[str, Any]

    def __call__(self, track: Track, source_sha256: str) -> Pair:
        midi = read_midi(track.path)
        performances = [self.input.apply(midi), self.target.apply(midi)]
        sample_rate = self.writer.sample_rate
        samples = math.ceil(max(map(sounding_seconds, performances)) * sample_rate)
        audio = [
            synthesise(
                performance, soundfont=self.soundfont, sample_rate=sample_rate, samples=samples
            )
            for performance in performances
        ]
        return self.writer.write_pair(
            *audio,
            name=track.name,
            split=track.split,
            source=track.path.relative_to(self.midi_folder).as_posix(),
            source_sha256=source_sha256,
            settings=self.settings,
        )


def _choose(found: Sequence[Track], tracks: int | Mapping[str, int] | None) -> set[str]:
    """Names of the tracks to render: in each split those with the smallest hash of the name."""
    if tracks is None:
        return {track.name for track in found}
    limits = tracks if isinstance(tracks, Mapping) else dict.fromkeys(SPLITS, tracks)
    names = set()
    for split, limit in limits.items():
        if split not in SPLITS or limit < 0:
            raise InputError(f"{limit} tracks of {split!r}; expected 0 or more of {SPLITS}")
        of_split = [track.name for track in found if track.split == split]
        of_split.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
        names.update(of_split[:limit])
    return names


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _remove_partial_files(folder: Path) -> None:
    for path in folder.rglob(".*.partial.*"):
        path.unlink(missing_ok=True)


_worker: _Renderer


def _start_worker(renderer: _Renderer) -> None:
    global _worker
    _worker = renderer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops its workers itself


def _render(track: Track, source_sha256: str) -> Pair:
    return _worker(track, source_sha256)


def _render_in_processes(
    renderer: _Renderer,
    todo: Sequence[tuple[Track, str]],
    jobs: int,
    finish: Callable[[Track, Callable[[], Pair]], None],
) -> None:
    """Call ``finish(track, result)`` as tracks are done; an interrupt ends the processes at once.

    Processes are spawned, not forked, so that a parent that has started TensorFlow is safe.
    """
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), _start_worker, (renderer,)
    ) as executor:
        futures = {executor.submit(_render, *job): job[0] for job in todo}
        try:
            for future in as_completed(futures):
                finish(futures[future], future.result)
        except BrokenProcessPool as error:
            raise InputError(
                "a rendering process died, most likely out of memory; run again with fewer jobs: "
                "the tracks that are done stay"
            ) from error
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
            raise
        finally:
            _remove_partial_files(renderer.writer.folder)
