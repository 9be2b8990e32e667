"""Formats tables as Markdown and for the terminal.

The first column is left-aligned, the others are right-aligned. A line break in a heading separates
the name of a column from a remark.
"""

import io
from collections.abc import Sequence


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """Return a Markdown table with its caption below it. Line breaks in headings become commas."""
    headings = [heading.replace("\n", ", ").rstrip(", ") for heading in header]
    lines = [headings, ["---", *["---:"] * (len(header) - 1)], *rows]
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"{text}\n\n{caption}\n"


def terminal_table(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """Return a table of box-drawing characters for a terminal of 120 columns."""
    from rich.console import Console
    from rich.table import Table

    table = Table(caption=caption, caption_justify="left")
    for number, heading in enumerate(header):
        table.add_column(heading, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    text = io.StringIO()
    Console(file=text, width=120, highlight=False).print(table)
    return text.getvalue()
