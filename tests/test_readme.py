"""Run the README's commands as they stand, with smaller networks and fewer steps."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfaudiogan.audio.files import write_audio
from tfaudiogan.making.composer import compose_corpus

ROOT = Path(__file__).parents[1]
SMALL = [
    f"--set={setting}"
    for setting in (
        "window=512",
        "generator.blocks=2",
        "generator.d_max=0",
        "generator.base_filters=8",
        "generator.reduction=4",
        "training.batch=2",
        "training.steps_per_epoch=2",
        "training.validation_windows=4",
    )
]
SHORTER = {
    "render": ["--sample-rate", "8000", "--tracks", "1"],
    "train": ["--steps", "2", *SMALL],
    "train --resume": [],
    "evaluate": ["--windows", "4", "--seconds", "1"],
}


def usage() -> list[list[str]]:
    """The commands of the section "Usage", without comments."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Usage\n")[1]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    commands = [shlex.split(line, comments=True) for line in block.group(1).splitlines()]
    return [command for command in commands if command[:1] == ["tfaudiogan"]]


def test_the_section_shows_every_step_from_midi_to_an_exported_model():
    shown = {command[1] for command in usage()}
    assert {"render", "train", "evaluate", "enhance", "export"} <= shown


@pytest.mark.slow
def test_the_usage_of_the_readme_runs(tmp_path):
    compose_corpus(tmp_path / "maestro-v3.0.0", seed=0)
    rate = 8000
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    write_audio(tmp_path / "take.flac", tone[:, np.newaxis].astype("float32"), rate)
    for command in usage():
        name = command[1]
        resumed = "train --resume" if "--resume" in command else name
        done = subprocess.run(
            [sys.executable, "-m", *command, *SHORTER.get(resumed, [])],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"
    for path in ("runs/piano/generator.keras", "report/index.html", "piano.tflite"):
        assert (tmp_path / path).is_file(), path
    assert list(tmp_path.glob("take-enhanced.*"))
