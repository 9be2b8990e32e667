"""Self-contained HTML pages with text, tables, figures and audio.

All reports are built from the same parts::

    page = Page("Table I", lead="Four composite losses from one common start.")
    results = page.section("Results")
    results.numbers([Number("2.63 dB", "SNR", "2.1 dB above the best constant gain")])
    results.scores(table)                                   # a tables.Table
    results.table(["Loss", "Minutes"], [["time", "12"]], caption="Cost of each run.")
    results.figure(figures.comparison(table, "snr"), alt="SNR of each loss")
    listen = page.section("Listen")
    listen.audio("Chopin, 12 s", {"Input": x, "Target": y, "Generated": g}, sample_rate=44100)
    page.section("How it was made").facts({"Steps": "750"}).code("python train.py")
    page.write("runs/table1")                               # runs/table1/index.html

Each method returns its section, so that calls can be chained. Consecutive figures are placed side
by side if there is room. The page loads nothing from elsewhere, follows the reader's light or dark
theme, and is readable on a phone and on paper.
"""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tfaudiogan.reporting.drawing import COLORS, FAINT, INK
from tfaudiogan.reporting.tables import Table
from tfaudiogan.storage import write_text

PEAK = 0.98


@dataclass(frozen=True)
class Number:
    """A headline figure, such as ``Number("2.63 dB", "SNR", "higher is better")``."""

    value: str
    label: str
    note: str = ""


@dataclass
class Section:
    """A heading with the parts below it. ``Page.section`` creates it."""

    title: str
    anchor: str
    parts: list[dict[str, Any]] = field(default_factory=list)

    def text(self, text: str) -> "Section":
        """Add a paragraph."""
        return self._add("text", text=text)

    def numbers(self, numbers: Sequence[Number]) -> "Section":
        """Add a row of headline figures."""
        return self._add("numbers", numbers=numbers)

    def table(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        caption: str = "",
        strong: Sequence[int] = (),
        notes: Sequence[str] = (),
    ) -> "Section":
        """Add a table. Its first column holds the rows' names, the other columns hold numbers.

        Args:
            header: Headings of the columns. A line break separates a second line.
            rows: Cells of each row.
            caption: Caption of the table.
            strong: Indices of the rows to highlight, from 0.
            notes: Remarks below the table.

        Raises:
            ValueError: If a row is not as long as the header.
        """
        for row in rows:
            if len(row) != len(header):
                raise ValueError(
                    f"a row has {len(row)} cells; expected {len(header)}, as in the header"
                )
        return self._add(
            "table",
            header=[heading.partition("\n")[::2] for heading in header],
            rows=rows,
            caption=caption,
            strong=set(strong),
            notes=notes,
        )

    def scores(self, table: Table, system: str = "System") -> "Section":
        """Add the table of an evaluation, with units, directions, counts and notes."""
        return self.table(
            [system, *table.headings],
            [[row.label, *table.cells(row)] for row in table.rows],
            caption=table.caption,
            strong=[n for n, row in enumerate(table.rows) if row.kind == "model"],
            notes=table.notes,
        )

    def figure(self, image: bytes, *, alt: str, caption: str = "", tall: bool = False) -> "Section":
        """Add a figure.

        Args:
            image: Contents of an SVG or PNG file.
            alt: Description for readers who cannot see the figure.
            caption: Caption below the figure.
            tall: Whether the figure is as high as two others, which are placed beside it.

        Raises:
            ValueError: If the image is neither SVG nor PNG, or ``alt`` is empty.
        """
        if not alt:
            raise ValueError("alt is empty; describe what the figure shows")
        if not (self.parts and self.parts[-1]["kind"] == "figures"):
            self._add("figures", figures=[])
        figures = self.parts[-1]["figures"]
        picture = {"alt": alt, "caption": caption, "tall": tall, "svg": None, "png": None}
        if image.startswith(b"\x89PNG"):
            picture["png"] = base64.b64encode(image).decode()
        elif b"<svg" in image[:1000]:
            picture["svg"] = _inline(image, f"{self.anchor}-{len(self.parts)}-{len(figures)}-")
        else:
            raise ValueError(f"image starts with {image[:8]!r}; expected SVG or PNG")
        figures.append(picture)
        return self

    def audio(
        self, title: str, signals: Mapping[str, np.ndarray], sample_rate: int, *, note: str = ""
    ) -> "Section":
        """Add a row of players, each with 16-bit FLAC.

        A player that is started while another one plays continues at the same position, so that
        they can be compared. If a signal exceeds full scale, all signals are attenuated equally.

        Args:
            title: Title of the row.
            signals: Float signals ``(samples,)`` by label.
            sample_rate: Sample rate in hertz.
            note: Note below the players.
        """
        peak = max(float(np.abs(audio).max(initial=0.0)) for audio in signals.values())
        scale = PEAK / peak if peak > 1.0 else 1.0
        players = [
            {
                "label": label,
                "data": base64.b64encode(flac(audio * np.float32(scale), sample_rate)).decode(),
            }
            for label, audio in signals.items()
        ]
        return self._add("audio", title=title, players=players, note=note)

    def comparison(
        self, title: str, before: np.ndarray, after: np.ndarray, sample_rate: int, *, note: str = ""
    ) -> "Section":
        """Add a player that switches between two versions without a gap.

        Both versions are scaled to the same level, so that loudness does not bias the comparison.
        In the blind test, the reader hears a random version, guesses which it is, and sees a score.

        Args:
            title: Title of the player.
            before, after: Floats ``(samples,)`` or ``(samples, channels)`` of the same length.
            sample_rate: Sample rate in hertz.
            note: Note below the player.
        """
        before, after = _at_common_level(before, after)
        versions = [
            base64.b64encode(flac(audio, sample_rate)).decode() for audio in (before, after)
        ]
        return self._add("comparison", title=title, versions=versions, note=note)

    def facts(self, facts: Mapping[str, Any]) -> "Section":
        """Add a list of names and values; ``"sample_rate"`` is shown as ``Sample rate``.

        A mapping as a value is shown in one line.
        """
        return self._add("facts", facts={_name(n): _value(v) for n, v in facts.items()})

    def code(self, code: str, *, label: str = "", folded: bool = False) -> "Section":
        """Add a command or file. A ``folded`` one shows only its label until it is opened."""
        return self._add("code", code=code, label=label, folded=folded)

    def _add(self, kind: str, **values: Any) -> "Section":
        self.parts.append({"kind": kind, **values})
        return self


@dataclass
class Page:
    """A page with sections; ``lead`` is the paragraph below the title."""

    title: str
    lead: str = ""
    sections: list[Section] = field(default_factory=list)

    def section(self, title: str) -> Section:
        """Add a section."""
        anchor = re.sub(r"\W+", "-", title.lower()).strip("-") or "section"
        taken = {section.anchor for section in self.sections}
        if anchor in taken:
            anchor = f"{anchor}-{len(taken)}"
        self.sections.append(Section(title, anchor))
        return self.sections[-1]

    def html(self) -> str:
        """Return the page as HTML."""
        from jinja2 import Environment, PackageLoader, StrictUndefined

        environment = Environment(
            loader=PackageLoader("tfaudiogan.reporting", "."),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return environment.get_template("report.html").render(page=self).lstrip()

    def write(self, folder: Path | str) -> Path:
        """Write ``index.html`` into ``folder``, which is created if needed, and return its path."""
        path = Path(folder) / "index.html"
        write_text(path, self.html())
        return path


def _name(name: str) -> str:
    words = name.replace("_", " ").replace("sha256", "SHA-256")
    return words[:1].upper() + words[1:]


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(inner)}" for name, inner in value.items())
    return str(value)


def _at_common_level(*signals: np.ndarray) -> list[np.ndarray]:
    """Scale the signals to the level of the quietest one that is not silent, within full scale."""
    levels = [float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) for audio in signals]
    target = min((level for level in levels if level), default=0.0)
    matched = [
        audio * np.float32(target / level if level else 1.0)
        for audio, level in zip(signals, levels, strict=True)
    ]
    peak = max(float(np.abs(audio).max(initial=0.0)) for audio in matched)
    return [audio * np.float32(min(1.0, PEAK / peak if peak else 1.0)) for audio in matched]


def flac(audio: np.ndarray, sample_rate: int) -> bytes:
    """Encode ``(samples,)`` or ``(samples, channels)`` in [-1, 1] as a 16-bit FLAC file."""
    import soundfile

    stream = io.BytesIO()
    soundfile.write(stream, audio, sample_rate, format="FLAC", subtype="PCM_16")
    return stream.getvalue()


def _inline(svg: bytes, prefix: str) -> str:
    """Prepare an SVG for embedding in HTML, with unique identifiers and the page's colors."""
    text = svg.decode("utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<(metadata|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{prefix}", text)
    names = {INK: "ink", FAINT: "faint"} | {c: f"color-{n}" for n, c in enumerate(COLORS, 1)}
    for color, name in names.items():
        text = text.replace(f": {color}", f": var(--{name})")
    return text
