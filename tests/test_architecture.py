"""Test the import direction of the package by reading its source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BOTTOM = {"errors", "storage", "progress", "extras", "parallel", "quiet", "_version"}
ALLOWED = {
    "errors": set(),
    "_version": set(),
    "storage": {"errors"},
    "progress": set(),
    "quiet": set(),
    "extras": {"errors"},
    "parallel": {"errors"},
    "config": BOTTOM,
    "audio": BOTTOM,
    "layers": set(),
    "losses": {"audio"},
    "metrics": {"audio", "losses"},
    "models": {"layers"},
    "corpus": BOTTOM | {"audio"},
    "making": BOTTOM | {"audio", "corpus"},
    "crops": BOTTOM | {"audio", "corpus"},
    "training": BOTTOM | {"config", "layers", "losses", "metrics", "models"},
    "inference": BOTTOM | {"audio", "layers", "models"},
    "runs": BOTTOM | {"audio", "config", "corpus", "crops", "training", "models", "inference"},
    "reporting": BOTTOM | {"audio"},
    "evaluation": BOTTOM | {"audio", "corpus", "crops", "metrics", "inference", "reporting"},
    "export": BOTTOM | {"audio", "inference", "layers"},
}
ALLOWED["conversion"] = BOTTOM | {"audio", "inference", "models"}
ALLOWED["web"] = BOTTOM
ALLOWED["experiments"] = set(ALLOWED)
ALLOWED["commands"] = set(ALLOWED)
ALLOWED["cli"] = {"commands", "_version", "errors", "progress"}
ALLOWED["__main__"] = {"cli"}
MODULES = sorted((ROOT / "tfaudiogan").rglob("*.py"))


def part_of(path: Path) -> str:
    relative = path.relative_to(ROOT / "tfaudiogan")
    return relative.parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Return the parts of the package that a module imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("tfaudiogan.")}
        found |= {name.split(".")[0] for name in names if name.split(".")[0] in ("tuning", "train")}
    return found


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if part_of(p) != "__init__"],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_imports_run_one_way(path):
    part = part_of(path)
    assert part in ALLOWED, f"name the imports that {part} may have"
    assert imports_of(path) <= ALLOWED[part] | {part}


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import tfaudiogan", ("tensorflow", "keras", "numpy")),
        ("import tfaudiogan.cli", ("tensorflow", "keras", "matplotlib", "scipy", "numpy")),
        ("import tfaudiogan.inference.streaming", ("tensorflow", "keras")),
        ("import tfaudiogan.audio.files", ("tensorflow", "keras")),
        ("import tfaudiogan.corpus.reading", ("tensorflow", "keras")),
    ],
)
def test_light_imports_stay_light(statement, absent):
    code = f"{statement}; import sys; print([m for m in {absent} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_are_there():
    code = (
        "import tfaudiogan; print(sorted(n for n in tfaudiogan.__all__"
        " if getattr(tfaudiogan, n, None) is None))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
