"""The commands that the documentation shows."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
PROGRAMS = ("tfaudiogan ", "python train.py", "python -m tuning.search ", "python saved_models/")


def commands_in_blocks(page: Path) -> list[str]:
    """Return the package's commands in a page's code blocks, in order; a continued line is one."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    commands, language = [], None
    for line in text.splitlines():
        if line.startswith("```"):
            language = line[3:] if language is None else None
        elif language in ("", "sh") or (language is None and line.startswith("    ")):
            commands.append(line.strip())
    return [command for command in commands if command.startswith(PROGRAMS)]


def documented_commands(page: Path) -> list[str]:
    """Return the package's commands in a page's code blocks and code spans."""
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", page.read_text(encoding="utf-8"))
    commands = commands_in_blocks(page) + [span for span in spans if span.startswith(PROGRAMS)]
    return [command for command in commands if not re.search(r"\.\.\.|COMMAND", command)]
