"""Build a source distribution, a wheel from it, and run what it installs."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytest.importorskip("setuptools")
pytest.importorskip("wheel")
ROOT = Path(__file__).parents[1]


def run(*arguments, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_a_wheel_of_the_source_distribution_lists_the_released_models(tmp_path):
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if tracked.returncode:
        pytest.skip("not a clone: the files of the source distribution are not known")
    clone, sources, installed = (tmp_path / name for name in ("clone", "sources", "installed"))
    for name in filter(None, tracked.stdout.split("\0")):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, clone / name)
    build = "from setuptools import build_meta; print(build_meta.build_{}('..'))"
    run("-c", build.format("sdist"), cwd=clone)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        # Python 3.11.3 and earlier have no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(sources)
    run("-c", build.format("wheel").replace("'..'", "'../..'"), cwd=next(sources.iterdir()))
    wheel = next(tmp_path.glob("*.whl"))
    run(
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        installed,
        wheel,
        cwd=tmp_path,
    )
    shown = run(
        "-m", "tfaudiogan", "models", cwd=tmp_path, PYTHONPATH=str(installed), COLUMNS="200"
    )
    for name in ("phone-restoration", "piano", "piano-mobile"):
        assert name in shown
        assert (installed / "share" / "tfaudiogan" / name / f"{name}.keras").is_file()
