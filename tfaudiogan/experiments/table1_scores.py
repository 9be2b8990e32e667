"""Scores of the rows of Table I, over the same windows and tracks for every row."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.evaluation.equalizer import fit_equalizer
from tfaudiogan.evaluation.in_context import InContext
from tfaudiogan.evaluation.run_report import EQUALIZER, EQUALIZER_SECONDS, run_metrics
from tfaudiogan.evaluation.scores import MetricFunction, score_tracks, score_windows
from tfaudiogan.inference.load import load_model
from tfaudiogan.reporting.tables import Scores, Table
from tfaudiogan.runs.identity import read_json
from tfaudiogan.storage import checksum, write_text

METRICS = ("snr", "lsd", "si_sdr", "multi_resolution_distance", "mel_distance")
SPLIT = "test"
IN_CONTEXT = "windows in context"
"""Name of the table whose windows are cut from an overlap-add of the track around them."""

_MODEL, _ALONE, _AROUND = "model", "alone", "around"


@dataclass(frozen=True)
class Measure:
    """The windows and tracks of a split that every row is scored over.

    A row whose own window is the table's is given each window alone, as in the paper. Any other is
    run by overlap-add over what surrounds the window. A second table has all rows run in that way.

    Args:
        corpus: the pairs.
        window: samples of the scored windows.
        windows: at most so many, spread evenly; ``None`` is all.
        seconds: at most that much of each track; ``None`` is all.
    """

    corpus: Corpus
    window: int
    windows: int | None = None
    seconds: float | None = None

    @property
    def metrics(self) -> dict[str, MetricFunction]:
        """Return those of ``METRICS`` that fit into the window."""
        known = run_metrics(self.corpus.sample_rate, self.window)
        return {name: known[name] for name in METRICS if name in known}

    def of(self, **what: Any) -> dict[str, Any]:
        """Return what scores depend on; kept scores are valid while it is the same."""
        return {
            **what,
            "metrics": list(self.metrics),
            "window": self.window,
            "windows": self.windows,
            "seconds": self.seconds,
        }

    def kept(self, run: Any) -> Scores | None:
        """Return the kept scores of a run's best generator, if they are still valid."""
        return _read(run.path / "scores.json", self.of(generator=checksum(run.generator)))

    def row(self, run: Any) -> Scores:
        """Score a run's best generator and keep the scores beside it."""
        found = self.kept(run)
        if found is not None:
            return found
        model = load_model(run.generator)
        scores = self._scores(_MODEL, InContext(model, model.metadata.window, model.metadata.hop))
        _write(run.path / "scores.json", self.of(generator=checksum(run.generator)), scores)
        return scores

    def baselines(self, folder: Path) -> Scores:
        """Score the input, silence, the best gain and a linear equalizer that is fitted to the
        training split, and keep the scores in the folder."""
        path = folder / "baselines.json"
        made_of = self.of(corpus=self.corpus.checksum, equalizer_seconds=EQUALIZER_SECONDS)
        found = _read(path, made_of)
        if found is None:
            equalizer = fit_equalizer(self.corpus, max_seconds=EQUALIZER_SECONDS)
            found = self._scores(EQUALIZER, InContext(equalizer, self.window))
            _write(path, made_of, found)
        return found

    def _scores(self, name: str, system: InContext) -> Scores:
        """Score one system; every name but ``"model"`` is a baseline."""
        ways: dict[str, Any] = {_AROUND: system}
        if system.window == self.window:
            ways[_ALONE] = system.model

        is_model = name == _MODEL
        both = score_windows(
            ways if is_model else {},
            self.corpus,
            SPLIT,
            self.window,
            limit=self.windows,
            metrics=self.metrics,
            baselines={} if is_model else ways,
            progress=True,
        )
        tracks = score_tracks(
            {name: system} if is_model else {},
            self.corpus,
            SPLIT,
            self.window,
            seconds=self.seconds,
            metrics=self.metrics,
            baselines={} if is_model else {name: system},
            progress=True,
        )
        alone = _only(both, _ALONE if _ALONE in ways else _AROUND, name)
        around = dataclasses.replace(_only(both, _AROUND, name), over=IN_CONTEXT)
        return Scores(
            corpus=str(self.corpus.folder),
            corpus_sha256=self.corpus.checksum,
            task=self.corpus.task,
            split=SPLIT,
            sample_rate=self.corpus.sample_rate,
            window=self.window,
            tables={"windows": alone, IN_CONTEXT: around, "tracks": tracks},
        )


def _only(table: Table, way: str, name: str) -> Table:
    """Return the table of what was run in one of the two ways, with the rows' own names."""
    rows = (
        dataclasses.replace(row, name=name, label=name) if row.name == way else row
        for row in table.rows
        if row.name == way or row.name not in (_ALONE, _AROUND)
    )
    return dataclasses.replace(table, rows=tuple(rows))


def _read(path: Path, made_of: Mapping[str, Any]) -> Scores | None:
    if not path.is_file():
        return None
    kept = read_json(path)
    if kept.get("of") != made_of:
        return None
    return Scores.from_json(json.dumps(kept.get("scores")), str(path))


def _write(path: Path, made_of: Mapping[str, Any], scores: Scores) -> None:
    content = {"of": made_of, "scores": json.loads(scores.to_json())}
    write_text(path, json.dumps(content, indent=2) + "\n")
