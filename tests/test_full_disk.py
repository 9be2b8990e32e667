"""Test a full disk, with a file system of a few pages in a separate namespace."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tfaudiogan.making.composer import compose_corpus

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "saved_models/piano-mobile/piano-mobile"
SCRIPT = """
mount -t tmpfs -o size=64k none "$1" || exit 99
folder=$1; shift
"$@" 2>&1; status=$?
echo; find "$folder" -type f ! -name manifest.csv
exit $status
"""


def run_on_full_disk(folder: Path, *arguments) -> tuple[int, str]:
    command = [sys.executable, "-m", "tfaudiogan", *map(str, arguments)]
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not there to make a small file system with")
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", SCRIPT, "sh", folder, *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode in (1, 99) and "mount" in done.stderr + done.stdout:
        pytest.skip("no file system may be mounted here")
    if "unshare" in done.stderr:
        pytest.skip("no namespace may be made here")
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 100_000)
    soundfile.write(folder / "noise.flac", noise, 16000)
    compose_corpus(folder / "midi", seconds=10.0, pieces={"train": 1})
    return folder


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("degrade {sources}/noise.flac {full}/out.wav --preset light", id="degrade"),
        pytest.param("render --midi {sources}/midi --out {full}/corpus", id="render"),
        pytest.param(
            "enhance {sources}/noise.flac --model {model}.tflite --out {full}/out.flac",
            id="enhance",
        ),
        pytest.param(
            "export --model {model}.keras --out {full}/served",
            id="saved_model",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "export --model {model}.keras --format tflite --out {full}/model.tflite",
            id="tflite",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_full_disk_gives_one_line_and_no_partial_file(command, sources, tmp_path):
    names = {"sources": sources, "full": tmp_path, "model": MODEL}
    arguments = [part.format(**names) for part in command.split()]
    status, out = run_on_full_disk(tmp_path, *arguments)
    said, _, left = out.rpartition("\n\n")
    assert status == 2, out
    assert "no space left on device" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert not left.strip()
