"""Corpora in object storage, copied to this machine when they are first used.

Training reads crops from random places of every track, so the tracks are to lie on a disk; what
stands on ``Corpus`` need not know where they came from. fsspec does the reading: the extra
``storage`` brings it, and packages such as s3fs and gcsfs bring its file systems.
"""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tfaudiogan.corpus.manifest import MANIFEST, Pair, parse_manifest
from tfaudiogan.errors import InputError
from tfaudiogan.extras import require
from tfaudiogan.progress import progress_bar
from tfaudiogan.storage import replacing

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_COPIES_AT_ONCE = 8


def mirror(url: str) -> Path:
    """Copy the corpus at a URL to this machine, and return its folder here.

    A copy that is there already is brought up to date: files of which the manifest at the URL now
    says otherwise are removed, and those that are missing are copied. An interrupted copy so goes
    on where it was. It lies in ``$TFAUDIOGAN_CACHE``, by default the user's cache folder.

    Args:
        url: as in ``s3://bucket/corpus`` or ``gs://bucket/corpus``; whatever fsspec can read.

    Raises:
        InputError: when fsspec, or the package for that kind of URL, is missing; or when there is
            no corpus, or a file of it that can't be read or comes incomplete.
    """
    require("storage", "fsspec")
    import fsspec

    folder = _cache() / hashlib.sha256(url.encode()).hexdigest()[:12] / PurePosixPath(url).name
    try:
        system, root = fsspec.core.url_to_fs(url)
        manifest = system.cat_file(f"{root}/{MANIFEST}")
        places = _take_manifest(manifest, folder, f"{url}/{MANIFEST}")
        absent = [place for place in places if not (folder / place).is_file()]
        _copy(system, root, absent, folder)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"no corpus at {url}, or not the whole of it: {error} missing") from error
    except Exception as error:  # each file system raises what it likes
        reason = " ".join(f"{type(error).__name__} {error}".split())
        raise InputError(f"{url} cannot be copied to {folder}: {reason}") from error
    return folder


def _cache() -> Path:
    given = os.environ.get("TFAUDIOGAN_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tfaudiogan"


def _take_manifest(manifest: bytes, folder: Path, where: str) -> Sequence[str]:
    """Put a manifest in place, and return the files that it lists.

    Those of which the manifest before it said otherwise are removed first: at any moment, files
    that are there are what the manifest says.
    """
    files = _files(parse_manifest(manifest.decode("utf-8"), where))
    path = folder / MANIFEST
    before = path.read_bytes() if path.is_file() else b""
    if manifest != before:
        if before:
            old = _files(parse_manifest(before.decode("utf-8"), path))
            for place in old:
                if files.get(place) != old[place]:
                    (folder / place).unlink(missing_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(manifest)
    return list(files)


def _files(pairs: Sequence[Pair]) -> dict[str, Pair]:
    """The files of pairs, relative to the corpus."""
    files = {place: pair for pair in pairs for place in (pair.input, pair.target)}
    for place in files:
        if PurePosixPath(place).is_absolute() or ".." in PurePosixPath(place).parts:
            raise InputError(f"{MANIFEST} lists {place!r}, which is outside the corpus")
    return files


def _copy(system: "AbstractFileSystem", root: str, places: Sequence[str], folder: Path) -> None:
    def copy(place: str) -> str:
        with replacing(folder / place) as temporary:
            system.get_file(f"{root}/{place}", str(temporary))
            came, expected = temporary.stat().st_size, system.size(f"{root}/{place}")
            if expected not in (None, came):
                raise InputError(
                    f"{place} came with {came} of its {expected} bytes; run again to go on"
                )
        return place

    if not places:
        return
    with progress_bar() as progress, ThreadPoolExecutor(_COPIES_AT_ONCE) as pool:
        bar = progress.add_task("Copying", total=len(places), status="")
        try:
            for done in as_completed([pool.submit(copy, place) for place in places]):
                progress.update(bar, advance=1, status=done.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
