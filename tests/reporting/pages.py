"""Signals and a table for a page, and a parser that reads the page."""

from html.parser import HTMLParser

import numpy as np

from tfaudiogan.reporting.tables import METRICS, Row, Statistic, Table

RATE = 16000


def signals(samples: int = RATE // 4) -> dict[str, np.ndarray]:
    time = np.arange(samples) / RATE
    tones = {"input": 440, "target": 1000, "generated": 2000}
    return {n: np.sin(2 * np.pi * hz * time).astype(np.float32) for n, hz in tones.items()}


def table() -> Table:
    rows = (
        Row("L1", "time", "model", {"snr": Statistic(2.1, 4.2, 9)}),
        Row("silence", "Silence", "baseline", {"snr": Statistic(0.0, 0.0, 9)}),
        Row("none", "Nothing", "baseline", {"snr": Statistic(None, None, 0, 9)}),
    )
    return Table("windows", 9, 0, None, {"snr": METRICS["snr"]}, rows)


class Outline(HTMLParser):
    """Collects tags, attributes and text, and checks that the tags nest correctly."""

    VOID = frozenset({"meta", "link", "img"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.words.append(data.strip())

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.tags if attributes.get(name)]

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]
