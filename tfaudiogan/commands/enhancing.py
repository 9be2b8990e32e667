"""Commands that make recordings better: for whoever has one, and no wish to train."""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tfaudiogan.errors import InputError
from tfaudiogan.inference.released import DEFAULT, find_model, released_models
from tfaudiogan.progress import console, progress_bar

app = typer.Typer()

ENHANCED = "-enhanced"
PAGES = (".html", ".htm")


@app.command(
    epilog="Examples: [b]tfaudiogan enhance take.flac[/]   "
    "[b]tfaudiogan enhance takes --recursive --out better --amount 0.8[/]"
)
def enhance(
    recordings: Annotated[
        list[str], typer.Argument(metavar="IN...", help="Audio files, folders, or patterns.")
    ],
    model: Annotated[
        str, typer.Option(help="A released model's name, or the path of a model in any form.")
    ] = DEFAULT,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File for one recording, folder for several; beside each recording unless given."
        ),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="Take the folders inside folders too.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace outputs that exist already.")
    ] = False,
    amount: Annotated[
        float, typer.Option(help="Share of the enhanced sound, 0 to 1.", min=0.0, max=1.0)
    ] = 1.0,
    loudness: Annotated[
        str,
        typer.Option(help="keep the model's, match the recording's, or a number of LUFS."),
    ] = "keep",
    reference: Annotated[
        Path | None,
        typer.Option(help="Clean recording of the same instrument, to equalize towards first."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Page to write, as in report.html: hear and see before and after."),
    ] = None,
    floats: Annotated[
        bool, typer.Option("--float", help="Write 32-bit float WAV, which cannot clip.")
    ] = False,
) -> None:
    """Enhance recordings of any length, sample rate and number of channels.

    Without options, take.flac becomes take-enhanced.flac beside it.
    `tfaudiogan models` lists the released models.
    """
    from tfaudiogan.inference.enhance import are_long, enhance_file
    from tfaudiogan.inference.load import load_model
    from tfaudiogan.reporting.enhanced import Recording, write_comparison

    wanted = _loudness(loudness)
    sources = find_recordings(recordings, recursive)
    destinations = _destinations(sources, out, ".wav" if floats else None)
    if report is not None and report.suffix.lower() not in PAGES:
        raise InputError(f"{report} is no name of a page; give one that ends in .html")
    if not overwrite:
        outputs = destinations if report is None else [*destinations, report]
        taken = [path for path in outputs if path.exists()]
        if taken:
            others = f" and {len(taken) - 1} more" if len(taken) > 1 else ""
            raise InputError(f"{taken[0]}{others} exists already; --overwrite replaces it")
    loaded = load_model(find_model(model), fuse=are_long(*sources))
    failed: dict[Path, str] = {}
    made: list[Recording] = []
    with progress_bar() as bar:
        for source, destination in zip(sources, destinations, strict=True):
            task = bar.add_task(source.name, total=None, status="samples")
            try:
                done = enhance_file(
                    loaded,
                    source,
                    destination,
                    reference=reference,
                    amount=amount,
                    loudness=wanted,
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
            if done.clipped:
                bar.console.print(
                    f"[yellow]{destination}: {done.clipped} samples clipped, peak {done.peak:.2f};"
                    "[/] --float keeps them"
                )
            account = _account(done)
            made.append(Recording(source, destination, account))
            print(f"{destination}  {account}")
    if report is not None and made:
        print(f"{write_comparison(report, made, model)}  the page to hear and see them")
    for error in failed.values():
        console.print(error, soft_wrap=True, markup=False)
    if failed:
        raise InputError(
            f"{len(failed)} of {len(sources)} recordings could not be enhanced: "
            + ", ".join(map(str, failed))
        )


def find_recordings(names: Sequence[str], recursive: bool = False) -> list[Path]:
    """Files, those of folders, and those that patterns match, each once, in order.

    What an earlier run made of a folder's recordings is left out of it.

    Raises:
        InputError: when a folder or pattern has no audio file.
    """
    from tfaudiogan.audio.files import EXTENSIONS

    def is_recording(path: Path) -> bool:
        return (
            path.suffix.lower() in EXTENSIONS
            and path.is_file()
            and not path.name.startswith(".")
            and not path.stem.endswith(ENHANCED)
        )

    found: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            inside = sorted(filter(is_recording, path.rglob("*") if recursive else path.iterdir()))
            if not inside:
                hint = "" if recursive else "; --recursive looks into its folders too"
                raise InputError(f"{path} holds no audio file{hint}")
            found += inside
        elif not path.exists() and glob.has_magic(name):
            matches = glob.glob(name, recursive=recursive)  # noqa: PTH207 - patterns are of any path
            inside = sorted(filter(is_recording, map(Path, matches)))
            if not inside:
                raise InputError(f"{name} matches no audio file")
            found += inside
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _destinations(sources: Sequence[Path], out: Path | None, suffix: str | None) -> list[Path]:
    """Where each recording goes, each to a place of its own."""
    if out is not None and len(sources) == 1 and out.suffix and not out.is_dir():
        return [out]
    makers: dict[Path, Path] = {}
    for source in sources:
        if out is None:
            destination = source.with_name(f"{source.stem}{ENHANCED}{suffix or source.suffix}")
        else:
            destination = out / source.with_suffix(suffix or source.suffix).name
        other = makers.setdefault(destination, source)
        if other != source:
            raise InputError(
                f"{other} and {source} would both become {destination}; give them one at a time"
            )
    return list(makers)


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


def _account(done) -> str:
    """What was done to a recording, in a line."""
    parts = [
        f"{done.samples / done.sample_rate:.1f} s, {done.channels} channels, {done.sample_rate} Hz"
    ]
    if done.level_dbfs is None:
        return f"{parts[0]}: silent"
    parts.append(f"level {done.level_dbfs:.1f} dBFS, quietest {done.quiet_dbfs or -99.0:.1f}")
    parts.append(f"largest change {done.change_db:+.1f} dB around {done.change_hz:.0f} Hz")
    parts.append(f"peak {done.peak:.2f}")
    return "; ".join(parts)


@app.command()
def models() -> None:
    """List the released models."""
    from rich.console import Console
    from rich.table import Table

    found = released_models()
    if not found:
        raise InputError("no released model is installed; install the package anew")
    table = Table()
    for heading in ("name", "task", "Hz", "MB", "license", "what it does", "figures"):
        # A name is there to be typed, so a narrow terminal must not shorten it.
        table.add_column(heading, no_wrap=heading == "name")
    for model in found.values():
        metadata = model.metadata
        size = model.tflite if model.tflite.is_file() else model.keras
        table.add_row(
            model.name + ("\n(default)" if model.name == DEFAULT else ""),
            metadata.task or "instrument",
            str(metadata.sample_rate),
            f"{size.stat().st_size / 1e6:.1f}",
            metadata.licence,
            model.description,
            ", ".join(f"{name} {value}" for name, value in model.figures.items()),
        )
    Console().print(table)
