"""Conversion of a corpus to another file format, such as FLAC, which halves its size losslessly."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tfaudiogan.audio.files import AudioReader, audio_writer
from tfaudiogan.corpus.files import check_file
from tfaudiogan.corpus.manifest import Pair
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.writing import CorpusWriter
from tfaudiogan.errors import InputError
from tfaudiogan.parallel import run_jobs
from tfaudiogan.progress import progress_bar

FORMATS = ("wav", "flac", "ogg", "mp3")


def convert_corpus(
    corpus: Corpus, out: Path | str, format: str, *, jobs: int | None = None
) -> Corpus:
    """Convert all files of a corpus to one format; the manifest changes only in their paths.

    Complete files of pairs that ``out`` already has in the same manifest row are kept.

    Args:
        corpus: the corpus to convert.
        out: folder of the converted corpus.
        format: ``"wav"`` or ``"flac"``, which are lossless, ``"ogg"`` or ``"mp3"``.
        jobs: number of processes; by default one for each CPU.

    Raises:
        InputError: if the format is unknown, ``out`` is the folder of the corpus, or a file cannot
            be read or converted.
    """
    out = Path(out)
    if format not in FORMATS:
        raise InputError(f"unknown format {format!r}; choose one of {', '.join(FORMATS)}")
    if out.resolve() == corpus.folder.resolve():
        raise InputError(f"{out} is the folder of the corpus itself; give another --out")
    writer = CorpusWriter(out, corpus.task, corpus.sample_rate)
    known = frozenset(
        pair.name
        for pair in corpus.pairs
        if writer.pairs.get(pair.name) == _with_suffix(pair, format)
    )
    with progress_bar() as progress:
        bar = progress.add_task("Converting", total=len(corpus.pairs), status="")

        def finish(pair: Pair, result: Callable[[], Pair]) -> None:
            writer.record(result())
            progress.update(bar, advance=1, status=pair.name)

        run_jobs(_Converter(corpus.folder, out, format, known), corpus.pairs, finish, jobs)
    writer.keep_only(pair.name for pair in corpus.pairs)
    return Corpus.load(out)


@dataclass(frozen=True)
class _Converter:
    folder: Path
    out: Path
    format: str
    known: frozenset[str]

    def __call__(self, pair: Pair) -> Pair:
        converted = _with_suffix(pair, self.format)
        for old, new in ((pair.input, converted.input), (pair.target, converted.target)):
            if pair.name not in self.known or not _is_whole(self.out / new, pair):
                _convert(self.folder / old, self.out / new)
                check_file(self.out / new, pair.samples, pair.sample_rate)
        return converted


def _with_suffix(pair: Pair, suffix: str) -> Pair:
    sides = [f"{Path(side).with_suffix('')}.{suffix}" for side in (pair.input, pair.target)]
    return replace(pair, input=sides[0], target=sides[1])


def _is_whole(path: Path, pair: Pair) -> bool:
    try:
        check_file(path, pair.samples, pair.sample_rate)
    except InputError:
        return False
    return True


def _convert(source: Path, path: Path) -> None:
    reader = AudioReader(source)
    with audio_writer(
        path,
        reader.sample_rate,
        reader.channels,
        source_subtype=reader.subtype,
        samples=reader.samples,
    ) as writer:
        for block in reader.blocks():
            writer.write(block)
