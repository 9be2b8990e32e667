"""Commands that enhance recordings with released or trained models."""

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from tfaudiogan.commands.options import Model, examples
from tfaudiogan.errors import InputError
from tfaudiogan.inference.released import DEFAULT, find_model, released_models
from tfaudiogan.progress import console, progress_bar

app = typer.Typer()

ENHANCED = "-enhanced"
PAGES = (".html", ".htm")


@app.command(
    epilog=examples(
        "tfaudiogan enhance take.flac",
        "tfaudiogan enhance takes --recursive --out better --amount 0.8",
    )
)
def enhance(
    recordings: Annotated[
        list[str], typer.Argument(metavar="IN", help="Audio files, folders or glob patterns.")
    ],
    model: Model = DEFAULT,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Output file of one recording, or folder of several, with the subfolders of their "
            "folder; by default each output is written beside its recording."
        ),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="Search folders recursively.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing outputs.")
    ] = False,
    amount: Annotated[
        float, typer.Option(help="Share of the enhanced sound, from 0 to 1.", min=0.0, max=1.0)
    ] = 1.0,
    loudness: Annotated[
        str,
        typer.Option(
            help="Output loudness: keep (the model's), match (the recording's) or a number of LUFS."
        ),
    ] = "keep",
    reference: Annotated[
        Path | None,
        typer.Option(
            help="Clean recording of the same instrument, best of a minute or more, toward which "
            "the result is equalized half of the way."
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="HTML page to write that compares before and after."),
    ] = None,
    floats: Annotated[
        bool, typer.Option("--float", help="Write 32-bit float WAV files, which do not clip.")
    ] = False,
) -> None:
    """Enhance recordings.

    They may have any length, sample rate and number of channels. Without options, take.flac is
    enhanced to take-enhanced.flac in the same folder.
    `tfaudiogan models` lists the released models.
    """
    from tfaudiogan.inference.enhance import are_long, enhance_file
    from tfaudiogan.inference.load import load_model
    from tfaudiogan.reporting.enhanced import Recording, write_comparison

    target_loudness = _loudness(loudness)
    places = _expand(recordings, recursive)
    sources = list(places)
    destinations = _destinations(places, out, ".wav" if floats else None)
    if report is not None and report.suffix.lower() not in PAGES:
        raise InputError(f"--report is {report}; expected a name that ends in .html")
    if not overwrite:
        outputs = destinations if report is None else [*destinations, report]
        existing = [path for path in outputs if path.exists()]
        if existing:
            verb = f"and {len(existing) - 1} more exist" if len(existing) > 1 else "exists"
            raise InputError(f"{existing[0]} {verb}; replace with --overwrite")
    loaded = load_model(find_model(model), fuse=are_long(*sources))
    failed: dict[Path, str] = {}
    enhanced: list[Recording] = []
    with progress_bar() as bar:
        for source, destination in zip(sources, destinations, strict=True):
            task = bar.add_task(source.name, total=None, status="samples")
            try:
                result = enhance_file(
                    loaded,
                    source,
                    destination,
                    reference=reference,
                    amount=amount,
                    loudness=target_loudness,
                    floats=floats,
                    progress=lambda done, total, task=task: bar.update(
                        task, completed=done, total=total
                    ),
                )
            except InputError as error:
                if len(sources) == 1:
                    raise
                failed[source] = str(error)
                continue
            if result.clipped:
                bar.console.print(
                    f"[yellow]{destination}: {result.clipped} samples are clipped, peak "
                    f"{result.peak:.2f};[/] --float avoids this"
                )
            summary = _summary(result)
            enhanced.append(Recording(source, destination, summary))
            print(f"{destination}  {summary}")
    if report is not None and enhanced:
        print(f"{write_comparison(report, enhanced, model)}  compares before and after")
    for error in failed.values():
        console.print(error, soft_wrap=True, markup=False)
    if failed:
        raise InputError(
            f"{len(failed)} of {len(sources)} recordings could not be enhanced: "
            + ", ".join(map(str, failed))
        )


def _expand(names: Sequence[str], recursive: bool) -> dict[Path, Path]:
    """Return the audio files of names, folders and glob patterns, each once, in order.

    Each has its path below the folder that was named, or its name. Files in folders and patterns
    that an earlier ``enhance`` wrote are left out.

    Raises:
        InputError: If a folder or pattern has no audio file.
    """
    from tfaudiogan.audio.files import EXTENSIONS

    def is_recording(path: Path) -> bool:
        return (
            path.suffix.lower() in EXTENSIONS
            and path.is_file()
            and not path.name.startswith(".")
            and not path.stem.endswith(ENHANCED)
        )

    places: dict[Path, Path] = {}
    for name in names:
        path = Path(name)
        if path.is_dir():
            files = sorted(filter(is_recording, path.rglob("*") if recursive else path.iterdir()))
            if not files:
                hint = "" if recursive else "; search its subfolders with --recursive"
                raise InputError(f"{path} holds no audio file{hint}")
            found = {file: file.relative_to(path) for file in files}
        elif not path.exists() and glob.has_magic(name):
            matches = glob.glob(name, recursive=recursive)  # noqa: PTH207 - Path.glob takes no absolute patterns.
            files = sorted(filter(is_recording, map(Path, matches)))
            if not files:
                raise InputError(f"{name} matches no audio file")
            found = {file: Path(file.name) for file in files}
        else:
            found = {path: Path(path.name)}
        for file, place in found.items():
            places.setdefault(file, place)
    return places


def _destinations(places: Mapping[Path, Path], out: Path | None, suffix: str | None) -> list[Path]:
    """Return the output path of each recording; raise InputError if two of them coincide."""
    from tfaudiogan.audio.files import EXTENSIONS

    if out is not None and len(places) == 1 and out.suffix and not out.is_dir():
        return [out]
    if out is not None and out.suffix.lower() in EXTENSIONS and not out.is_dir():
        raise InputError(f"{len(places)} recordings cannot all be {out}; give a folder as --out")
    source_of: dict[Path, Path] = {}
    for source, place in places.items():
        if out is None:
            destination = source.with_name(f"{source.stem}{ENHANCED}{suffix or source.suffix}")
        else:
            destination = out / place.with_suffix(suffix or source.suffix)
        other = source_of.setdefault(destination, source)
        if other != source:
            raise InputError(
                f"{other} and {source} would both become {destination}; enhance them separately"
            )
    return list(source_of)


def _loudness(text: str) -> float | str | None:
    if text == "keep":
        return None
    if text == "match":
        return text
    try:
        return float(text)
    except ValueError as error:
        raise InputError(
            f"loudness is {text!r}; expected keep, match or a number of LUFS"
        ) from error


def _summary(result) -> str:
    """Summarize the result of ``enhance_file`` in one line."""
    parts = [
        f"{result.samples / result.sample_rate:.1f} s, {result.channels} channels, "
        f"{result.sample_rate} Hz"
    ]
    if result.level_dbfs is None:
        return f"{parts[0]}: silent"
    parts.append(
        f"level {result.level_dbfs:.1f} dBFS, quietest tenth {result.quiet_dbfs or -99.0:.1f} dBFS"
    )
    if result.unchanged:
        parts.append("left as it was")
    else:
        parts.append(f"largest change {result.change_db:+.1f} dB around {result.change_hz:.0f} Hz")
    parts.append(f"peak {result.peak:.2f}")
    return "; ".join(parts)


@app.command()
def models() -> None:
    """List the released models."""
    released = released_models()
    if not released:
        raise InputError("no released model is installed; reinstall the package")
    for model in released.values():
        metadata = model.metadata
        size = model.tflite if model.tflite.is_file() else model.keras
        print(f"{model.name}{' (default)' if model.name == DEFAULT else ''}: {model.description}")
        print(
            f"  {metadata.task or 'instrument'}, {metadata.sample_rate} Hz, "
            f"{size.stat().st_size / 1e6:.1f} MB, {metadata.licence}"
        )
        print("".join(f"  {figure}: {value}\n" for figure, value in model.figures.items()))
