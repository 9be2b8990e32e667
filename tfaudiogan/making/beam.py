"""Making pairs on many machines with an Apache Beam pipeline.

Workers write their pairs into the corpus's folder, which all machines share, and a report of each
pair into an outbox there. From the reports, this process updates the manifest while the pipeline
runs. Hence no pair is made twice, even if a bundle is retried, the pipeline fails, or this process
is killed and the command is run again.
"""

import functools
import json
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tfaudiogan.corpus.manifest import Pair
from tfaudiogan.corpus.writing import CorpusWriter
from tfaudiogan.errors import InputError
from tfaudiogan.extras import require
from tfaudiogan.storage import write_text

Item = TypeVar("Item")

_OUTBOX = ".outbox-"
_POLL_SECONDS = 0.5
_VISIBLE_SECONDS = 90.0  # NFS may take a minute to show a file that another machine has written.


def require_beam() -> None:
    """Raise InputError if apache-beam is missing."""
    require("beam", "apache_beam")


def run_beam(
    work: Callable[[Item], Pair],
    items: Sequence[Item],
    finish: Callable[[Item, Callable[[], Pair]], None],
    folder: Path,
    options: Sequence[str] = (),
) -> None:
    """Do the work of ``parallel.run_jobs`` in an Apache Beam pipeline.

    ``finish`` is called in a thread of this process while the pipeline runs. If ``work`` raises an
    InputError, the item is finished with that error; any other error fails the item's bundle, which
    the runner may retry.

    Args:
        work: makes a pair and writes its files; it must be picklable.
        items: arguments of ``work``, also picklable.
        finish: called once for each item.
        folder: folder of the corpus, which every worker must see under this path.
        options: Beam's pipeline options, such as ``["--runner=FlinkRunner"]``; Beam's direct runner
            by default.

    Raises:
        InputError: if the pipeline ends before every item is finished.
    """
    if not items:
        return
    outbox = folder / f"{_OUTBOX}{uuid.uuid4().hex}"
    outbox.mkdir(parents=True)
    waiting = dict(enumerate(items))
    take = functools.partial(_take_reports, outbox, waiting, finish)
    ended, reason = threading.Event(), None
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(_watch, take, ended)
        try:
            _run_pipeline(_Reported(work, outbox), list(waiting.items()), options)
        except Exception as error:  # Each runner has its own exceptions.
            lines = [line.strip() for line in str(error).split("\n") if line.strip()]
            reason = lines[-1] if lines else repr(error)
        finally:
            ended.set()
    watching.result()
    deadline = time.monotonic() + (_VISIBLE_SECONDS if reason is None else 0)
    while waiting and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        take()
    if waiting:
        raise InputError(
            f"the Beam pipeline ended with {len(waiting)} of {len(items)} tracks unfinished "
            f"({reason or f'no worker reported them; each must see {folder}'}); "
            "run again to make only these"
        )
    shutil.rmtree(outbox, ignore_errors=True)


def record_reported(writer: CorpusWriter) -> None:
    """Record pairs that workers reported after the process that started them was killed."""
    for outbox in writer.folder.glob(f"{_OUTBOX}*"):
        pairs = [pair for _, pair in _reports(outbox) if isinstance(pair, Pair)]
        writer.record(*(pair for pair in pairs if writer.accepts(pair)))
        shutil.rmtree(outbox)


def _run_pipeline(work: "_Reported", items: list, options: Sequence[str]) -> None:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    pipeline = beam.Pipeline(options=PipelineOptions(list(options)))
    tracks = pipeline | "Tracks" >> beam.Create(items) | "Spread" >> beam.Reshuffle()
    tracks | "Make" >> beam.Map(work)
    result = pipeline.run()
    try:
        result.wait_until_finish()
    except KeyboardInterrupt:
        result.cancel()
        raise


def _watch(take: Callable[[], None], ended: threading.Event) -> None:
    while not ended.wait(_POLL_SECONDS):
        take()
    take()


def _take_reports(outbox: Path, waiting: dict[int, Item], finish: Callable) -> None:
    """Finish the waiting items that have been reported."""
    for number, outcome in _reports(outbox, waiting):
        finish(waiting.pop(number), functools.partial(_unwrap, outcome))


def _reports(outbox: Path, only: dict | None = None) -> Iterator[tuple[int, Pair | InputError]]:
    for path in sorted(outbox.glob("[0-9]*.json")):
        number = int(path.stem)
        if only is not None and number not in only:
            continue
        report = json.loads(path.read_text(encoding="utf-8"))
        refused = report.get("refused")
        yield number, Pair.from_row(report) if refused is None else InputError(refused)


def _unwrap(outcome: Pair | InputError) -> Pair:
    if isinstance(outcome, InputError):
        raise outcome
    return outcome


@dataclass(frozen=True)
class _Reported:
    """Do the work for a numbered item, unless it is already done, and write its report."""

    work: Callable[[Any], Pair]
    outbox: Path

    def __call__(self, numbered: tuple[int, Any]) -> None:
        number, item = numbered
        report = self.outbox / f"{number}.json"
        if report.is_file():
            return
        try:
            outcome = self.work(item).to_row()
        except InputError as error:
            outcome = {"refused": str(error)}
        write_text(report, json.dumps(outcome))
