"""Run the cells of the notebook from top to bottom, with smaller numbers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STAND_IN = """
class Audio:
    def __init__(self, data, rate):
        assert len(data) and rate
"""


@pytest.mark.slow
def test_the_quickstart_runs(tmp_path):
    notebook = json.loads((ROOT / "examples" / "quickstart.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    code = "\n".join(cells).replace("STEPS = 300", "STEPS = 3").replace('"train": 12', '"train": 2')
    (tmp_path / "IPython").mkdir()
    (tmp_path / "IPython" / "__init__.py").touch()
    (tmp_path / "IPython" / "display.py").write_text(STAND_IN)
    (tmp_path / "quickstart.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "quickstart.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "result: SNR" in done.stdout
