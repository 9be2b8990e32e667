"""Local copies of corpora in object storage, made when a corpus is first used.

Training reads crops from random positions of every track, so the tracks must be on a local disk.
The files are read with fsspec, which is in the extra ``storage``; packages such as s3fs and gcsfs
add its file systems.
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
    """Copy the corpus at a URL to this machine, and return its local folder.

    An existing copy is updated: files whose rows in the manifest have changed are removed, and
    missing files are copied. An interrupted copy is therefore resumed. Copies are in
    ``$TFAUDIOGAN_CACHE``, by default in the user's cache folder.

    Args:
        url: any URL that fsspec can read, such as ``s3://bucket/corpus`` or ``gs://bucket/corpus``.

    Raises:
        InputError: if fsspec or the package for that kind of URL is missing, there is no corpus, or
            a file cannot be read completely.
    """
    require("storage", "fsspec")
    import fsspec

    folder = _cache() / hashlib.sha256(url.encode()).hexdigest()[:12] / PurePosixPath(url).name
    try:
        system, root = fsspec.core.url_to_fs(url)
        manifest = system.cat_file(f"{root}/{MANIFEST}")
        paths = _update_manifest(manifest, folder, f"{url}/{MANIFEST}")
        absent = [path for path in paths if not (folder / path).is_file()]
        _copy(system, root, absent, folder)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(
            f"no complete corpus at {url} (missing: {error}); give the URL of a whole corpus"
        ) from error
    except Exception as error:  # Each file system has its own exceptions.
        reason = " ".join(f"{type(error).__name__} {error}".split())
        raise InputError(f"{url} cannot be copied to {folder}: {reason}") from error
    return folder


def _cache() -> Path:
    cache = os.environ.get("TFAUDIOGAN_CACHE")
    if cache:
        return Path(cache)
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tfaudiogan"


def _update_manifest(manifest: bytes, folder: Path, where: str) -> Sequence[str]:
    """Replace the local manifest, and return the files that the new one lists.

    Files whose rows have changed are removed first, so that the files always match the manifest.
    """
    files = _files(parse_manifest(manifest.decode("utf-8"), where))
    path = folder / MANIFEST
    old_manifest = path.read_bytes() if path.is_file() else b""
    if manifest != old_manifest:
        if old_manifest:
            old_files = _files(parse_manifest(old_manifest.decode("utf-8"), path))
            for old_path, pair in old_files.items():
                if files.get(old_path) != pair:
                    (folder / old_path).unlink(missing_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(manifest)
    return list(files)


def _files(pairs: Sequence[Pair]) -> dict[str, Pair]:
    """Return the pair of each file, by the file's path relative to the corpus."""
    files = {path: pair for pair in pairs for path in (pair.input, pair.target)}
    for path in files:
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise InputError(f"{MANIFEST} lists {path!r}, which is outside the corpus")
    return files


def _copy(system: "AbstractFileSystem", root: str, paths: Sequence[str], folder: Path) -> None:
    def copy(path: str) -> str:
        with replacing(folder / path) as temporary:
            system.get_file(f"{root}/{path}", str(temporary))
            copied, expected = temporary.stat().st_size, system.size(f"{root}/{path}")
            if expected not in (None, copied):
                raise InputError(
                    f"only {copied} of the {expected} bytes of {path} arrived; run again to resume"
                )
        return path

    if not paths:
        return
    with progress_bar() as progress, ThreadPoolExecutor(_COPIES_AT_ONCE) as pool:
        bar = progress.add_task("Copying", total=len(paths), status="")
        try:
            for done in as_completed([pool.submit(copy, path) for path in paths]):
                progress.update(bar, advance=1, status=done.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
