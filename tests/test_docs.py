"""Run the worked examples of the documentation and check the paths that it names."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"
EXAMPLES = re.findall(
    r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```",
    PAGE.read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)

ROOT = PAGE.parents[1]
PAGES = [*sorted(PAGE.parent.glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def test_every_way_to_extend_the_package_has_an_example():
    additions = ["loss", "layer", "degradation", "task", "metric"]
    assert [title for title, _ in EXAMPLES] == [f"Add a {what}" for what in additions]


@pytest.mark.parametrize(("title", "code"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_a_worked_example_runs(title, code, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.mkdtemp", lambda: str(tmp_path))
    exec(compile(code, f"{PAGE.name}: {title}", "exec"), {"__name__": "example"})


@pytest.mark.parametrize("page", PAGES)
def test_paths_that_the_documentation_names_exist(page):
    """Links between pages and paths in code spans must exist."""
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []
    if page == PAGE:
        package = ROOT / "tfaudiogan"
        names = re.findall(r"`([a-z_0-9/]+/(?:[a-z_0-9]+\.py)?)`", text)
        tops = {path.name for path in package.iterdir()}
        inside = [name for name in names if name.split("/")[0] in tops]
        assert inside and [name for name in inside if not (package / name).exists()] == []
