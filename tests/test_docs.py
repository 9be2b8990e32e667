"""Run the worked examples of the documentation and check the paths that it names."""

import re
import shlex

import pytest
import typer

from tests.documented import PAGES, ROOT, documented_commands
from tfaudiogan.cli import app
from tuning.search import app as search

TYPED = {
    "tfaudiogan ": (app, []),
    "python train.py": (app, ["train"]),
    "python -m tuning.search ": (search, []),
}
(UsageError,) = typer.BadParameter.__bases__
PAGE = ROOT / "docs" / "architecture.md"
EXAMPLES = re.findall(
    r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```",
    PAGE.read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)


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


def parse(command: str) -> None:
    """Parse a command's arguments and options without running it."""
    for prefix, (typed, beginning) in TYPED.items():
        if command.startswith(prefix):
            program = typer.main.get_command(typed)
            words = beginning + shlex.split(command.removeprefix(prefix), comments=True)
    context = None
    while hasattr(program, "resolve_command"):
        context = typer.Context(program, parent=context)
        _, program, words = program.resolve_command(context, words)
    program.make_context("documented", words, parent=context)


@pytest.mark.parametrize("page", [*PAGES, *ROOT.glob("saved_models/*/README.md")])
def test_documented_commands_have_the_options_that_they_name(page):
    with pytest.raises(UsageError, match="No such option"):
        parse("tfaudiogan enhance take.flac --no-such-option")
    failed = {}
    for command in documented_commands(page):
        if not command.startswith(tuple(TYPED)):
            continue
        try:
            parse(command)
        except UsageError as error:
            # Prose may name a command without the arguments that it requires.
            if error.message.startswith(("No such", "Got unexpected")) or "Invalid" in str(error):
                failed[command] = error.message
    assert failed == {}
