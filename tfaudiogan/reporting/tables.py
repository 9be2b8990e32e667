"""The results of an evaluation: scores of models and baselines, with units and directions.

The JSON format of ``Scores.to_json`` and ``Scores.from_json`` is::

    {
      "format": 1,
      "corpus": "corpora/demo", "corpus_sha256": "…", "task": "instrument",
      "split": "test", "sample_rate": 16000, "window": 2048,
      "tables": {
        "windows": {
          "counted": 512, "silent": 3, "seconds": null,
          "metrics": {"snr": {"label": "SNR", "unit": "dB", "higher_is_better": true}, …},
          "rows": [
            {"name": "model", "label": "Model", "kind": "model",
             "values": {"snr": {"mean": 2.6, "std": 5.2, "counted": 512, "undefined": 0}, …},
             "improvements": {}},
            …
          ]
        },
        "tracks": {…}
      }
    }

Rows over tracks have ``improvements``: each metric's gain over the input, as ``{"mean": 1.6,
"low": 1.2, "high": 2.1, "worse": 0.06, "counted": 64}``. ``mean`` and ``std`` are ``null`` where a
metric is undefined everywhere, such as the log-spectral distance of silence.
"""

import dataclasses
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tfaudiogan.errors import InputError
from tfaudiogan.reporting.text import markdown_table

if TYPE_CHECKING:
    import rich.table

FORMAT = 1
MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"


@dataclass(frozen=True)
class Metric:
    """Label, unit and direction of a metric; ``higher_is_better`` is ``None`` for no direction."""

    label: str
    unit: str = ""
    higher_is_better: bool | None = None

    @property
    def heading(self) -> str:
        """Label and unit, such as ``"SNR (dB)"``."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def direction(self) -> str:
        """``"higher is better"``, ``"lower is better"`` or an empty string."""
        if self.higher_is_better is None:
            return ""
        return "higher is better" if self.higher_is_better else "lower is better"


METRICS: dict[str, Metric] = {
    "snr": Metric("SNR", "dB", True),
    "si_sdr": Metric("SI-SDR", "dB", True),
    "lsd": Metric("LSD", "bel", False),
    "multi_resolution_distance": Metric("Multi-resolution distance", "dB", False),
    "mel_distance": Metric("Mel distance", "dB", False),
    "perceptual": Metric("Zimtohrli", "MOS", True),
}
"""The metrics of ``tfaudiogan.metrics``. Other metrics are printed with their names."""


@dataclass(frozen=True)
class Statistic:
    """Mean and population standard deviation of the finite values.

    ``counted`` is the number of finite values and ``undefined`` that of the others. The mean and
    the deviation are ``None`` if there is no finite value.
    """

    mean: float | None
    std: float | None
    counted: int
    undefined: int = 0

    @classmethod
    def of(cls, values: np.ndarray) -> "Statistic":
        """Summarize values of any shape."""
        values = np.asarray(values, np.float64)
        finite = values[np.isfinite(values)]
        undefined = values.size - finite.size
        if not finite.size:
            return cls(None, None, 0, undefined)
        return cls(float(finite.mean()), float(finite.std()), finite.size, undefined)

    def __str__(self) -> str:
        """Return ``"2.63 ± 5.21"``, or a dash without a value."""
        if self.std is None:
            return DASH
        return f"{signed(self.mean)} ± {self.std:.2f}"


@dataclass(frozen=True)
class Improvement:
    """Gain over the input, track by track; positive is better.

    ``low`` and ``high`` are the 95 % confidence interval of the mean, from bootstrap resampling of
    the tracks (Efron 1979). ``worse`` is the share of tracks that got worse.
    """

    mean: float
    low: float
    high: float
    worse: float
    counted: int

    @classmethod
    def of(cls, gains: np.ndarray, draws: int = 2000) -> "Improvement | None":
        """Summarize the finite gains of tracks; return ``None`` if there are none."""
        gains = np.asarray(gains, np.float64)
        gains = gains[np.isfinite(gains)]
        if not gains.size:
            return None
        rng = np.random.default_rng(0)
        means = gains[rng.integers(gains.size, size=(draws, gains.size))].mean(axis=1)
        low, high = np.percentile(means, [2.5, 97.5])
        worse = float(np.mean(gains < -1e-6))
        return cls(float(gains.mean()), float(low), float(high), worse, gains.size)

    def __str__(self) -> str:
        """Return a text such as ``"1.62 [1.18, 2.07], 6 % worse"``."""
        interval = f"[{signed(self.low)}, {signed(self.high)}]"
        return f"{signed(self.mean)} {interval}, {self.worse:.0%} worse".replace("%", " %")


@dataclass(frozen=True)
class Row:
    """The scores of one system.

    ``kind`` is ``"model"`` or ``"baseline"``. ``improvements`` holds the gains over the input by
    metric, for scores over tracks. ``samples`` holds the single values for each window or track,
    which figures use and which are not part of the JSON.
    """

    name: str
    label: str
    kind: str
    values: Mapping[str, Statistic]
    improvements: Mapping[str, Improvement] = field(default_factory=dict)
    samples: Mapping[str, np.ndarray] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Table:
    """The scores of models and baselines over the same windows or tracks.

    ``over`` is ``"windows"`` or ``"tracks"``. ``counted`` of them were scored, and ``silent`` ones
    were left out because their target is digital silence. ``seconds`` is the limit on a track's
    length.
    """

    over: str
    counted: int
    silent: int
    seconds: float | None
    metrics: Mapping[str, Metric]
    rows: tuple[Row, ...]

    def row(self, name: str) -> Row:
        """Return the row with a name.

        Raises:
            KeyError: If there is no such row.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no row {name!r}; there are {', '.join(row.name for row in self.rows)}")

    @property
    def models(self) -> tuple[Row, ...]:
        """The rows that are not baselines."""
        return tuple(row for row in self.rows if row.kind == "model")

    @property
    def caption(self) -> str:
        """Caption that says what the scores are computed over."""
        over = self.over if self.counted != 1 else self.over.removesuffix("s")
        text = f"Mean ± standard deviation over {self.counted:,} {over}"
        if self.seconds is not None:
            text += f" of at most {self.seconds:g} s"
        if self.silent:
            text += f"; {self.silent:,} of digital silence are left out"
        return f"{text}."

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on undefined values that the means leave out."""
        notes = []
        for name, metric in self.metrics.items():
            missing = [
                f"{row.label} {row.values[name].undefined:,}"
                for row in self.rows
                if row.values[name].undefined and (row.values[name].counted or row.kind == "model")
            ]
            if missing:
                notes.append(
                    f"{metric.label} is undefined for some {self.over}, which are left out of its "
                    f"mean: {', '.join(missing)} of {self.counted:,}."
                )
        return tuple(notes)

    def gain_over(self, baseline: str, metric: str = "snr", model: str | None = None) -> float:
        """Return the gain of a model's mean over that of a baseline; positive is better.

        Args:
            baseline: Name of the baseline's row.
            metric: Name of the metric.
            model: Name of the model's row; the first model by default.

        Returns:
            The gain, or NaN if a mean is undefined.
        """
        row = self.models[0] if model is None else self.row(model)
        mean, reference = row.values[metric].mean, self.row(baseline).values[metric].mean
        if mean is None or reference is None:
            return math.nan
        sign = -1.0 if self.metrics[metric].higher_is_better is False else 1.0
        return sign * (mean - reference)

    @property
    def improved(self) -> tuple[str, ...]:
        """Names of the metrics that have gains over the input."""
        improved = {name for row in self.rows for name in row.improvements}
        return tuple(name for name in self.metrics if name in improved)

    def cells(self, row: Row) -> list[str]:
        """Return the cells of a row: all metrics, and then the gains over the input."""
        gains = (row.improvements.get(name) for name in self.improved)
        return [
            *(str(row.values[name]) for name in self.metrics),
            *(DASH if gain is None else str(gain) for gain in gains),
        ]

    @property
    def headings(self) -> list[str]:
        """Headings of the cells: label and unit, and the direction after a line break."""
        gains = [f"{self.metrics[n].label} gain ({self.metrics[n].unit})" for n in self.improved]
        return [
            *(f"{m.heading}\n{m.direction}".rstrip() for m in self.metrics.values()),
            *(f"{heading}\nover the input" for heading in gains),
        ]

    def to_rich(self, title: str | None = None) -> "rich.table.Table":
        """Return the table for ``rich.console.Console.print``. Models are bold."""
        from rich.table import Table as RichTable

        table = RichTable(
            title=title, caption=self.caption, title_justify="left", caption_justify="left"
        )
        table.add_column("")
        for heading in self.headings:
            table.add_column(heading, justify="right")
        for row in self.rows:
            table.add_row(
                row.label, *self.cells(row), style="bold" if row.kind == "model" else None
            )
        return table

    def to_markdown(self) -> str:
        """Return the table as Markdown, for model cards and README files."""
        rows = [[row.label, *self.cells(row)] for row in self.rows]
        return markdown_table(["", *self.headings], rows, self.caption)


@dataclass(frozen=True)
class Scores:
    """The evaluation of one or several models on a split of a corpus."""

    corpus: str
    corpus_sha256: str
    task: str
    split: str
    sample_rate: int
    window: int
    tables: Mapping[str, Table]

    @property
    def windows(self) -> Table:
        """The table over windows."""
        return self.tables["windows"]

    def to_json(self) -> str:
        """Return indented JSON in the format that this module's docstring shows."""
        values: dict[str, Any] = {"format": FORMAT}
        values.update((f.name, getattr(self, f.name)) for f in dataclasses.fields(self))
        values["tables"] = {over: _table_dict(table) for over, table in self.tables.items()}
        return json.dumps(values, indent=2, allow_nan=False) + "\n"

    def to_text(self) -> str:
        """Return all tables as text of at most 100 columns, below a line that names the corpus."""
        from rich.console import Console

        text = io.StringIO()
        console = Console(file=text, width=100, highlight=False)
        console.print(f"{self.corpus}, {self.split} split, {self.sample_rate:,} Hz", markup=False)
        for table in self.tables.values():
            console.print(table.to_rich())
            for note in table.notes:
                console.print(note, markup=False)
        return text.getvalue().rstrip()

    @classmethod
    def from_json(cls, text: str, source: str = "scores") -> "Scores":
        """Parse the output of ``to_json``, which has no single values.

        Raises:
            InputError: If the text has another format.
        """
        try:
            values = json.loads(text)
            version = values.pop("format")
            tables = {over: _read_table(over, t) for over, t in values.pop("tables").items()}
            if version != FORMAT:
                raise ValueError(f"format is {version!r}; expected {FORMAT}")
            return cls(**values, tables=tables)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{source} holds no scores ({error!r}); evaluate again") from error


def join(scores: Mapping[str, Scores]) -> Scores:
    """Join evaluations of several models on the same split and corpus.

    The baselines are taken from the first evaluation.

    Args:
        scores: Evaluations by the names of their models, as printed in the tables.

    Raises:
        InputError: If the evaluations differ in corpus, split or windows.
    """
    (first_name, first), *others = scores.items()
    for name, other in others:
        for field_name in ("corpus_sha256", "split", "sample_rate", "window"):
            first_value, other_value = getattr(first, field_name), getattr(other, field_name)
            if first_value != other_value:
                raise InputError(
                    f"{name!r} has {field_name} {other_value} and {first_name!r} has "
                    f"{first_value}; evaluate both on the same corpus"
                )
    tables = {}
    for over, table in first.tables.items():
        models = tuple(
            dataclasses.replace(row, name=name, label=name)
            for name, other in scores.items()
            for row in other.tables[over].models
        )
        baselines = tuple(row for row in table.rows if row.kind != "model")
        tables[over] = dataclasses.replace(table, rows=models + baselines)
    return dataclasses.replace(first, tables=tables)


def verdict(table: Table) -> str:
    """Summarize the SNR of the first model and its baselines in one or two sentences."""
    model, metric = table.models[0], table.metrics["snr"]
    value = model.values["snr"].mean
    if value is None:
        return f"The SNR of {model.label} is undefined for all {table.over}."
    parts = []
    others = (row.name for row in table.rows if row.kind == "baseline" and row.name != "silence")
    for baseline in others:
        gain = table.gain_over(baseline)
        label = f"the {table.row(baseline).label.lower()}"
        if np.isfinite(gain):
            size = f"{abs(gain):.1f} {metric.unit}"
            where = f"{size} above" if gain > 0 else f"{size} below"
            parts.append(f"{where if abs(gain) >= 0.05 else 'level with'} {label}")
    text = f"{signed(value)} {metric.unit} SNR over held-out {table.over}"
    text = f"{text}: {', '.join(parts)}." if parts else f"{text}."
    if table.gain_over("best_gain") < 0.05:
        text += " A constant gain does as well, so the model needs more training."
    return text


def signed(value: float | None) -> str:
    """Format a value with two decimals and a real minus sign, or a dash for ``None``."""
    if value is None:
        return DASH
    text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", MINUS)


def _table_dict(table: Table) -> dict[str, Any]:
    values = {f.name: getattr(table, f.name) for f in dataclasses.fields(table)}
    del values["over"]
    values["metrics"] = {n: dataclasses.asdict(metric) for n, metric in table.metrics.items()}
    values["rows"] = [
        {
            "name": row.name,
            "label": row.label,
            "kind": row.kind,
            "values": {n: dataclasses.asdict(value) for n, value in row.values.items()},
            "improvements": {n: dataclasses.asdict(v) for n, v in row.improvements.items()},
        }
        for row in table.rows
    ]
    return values


def _read_table(over: str, values: dict[str, Any]) -> Table:
    metrics = {name: Metric(**metric) for name, metric in values.pop("metrics").items()}
    rows = []
    for row in values.pop("rows"):
        statistics = {name: Statistic(**value) for name, value in row.pop("values").items()}
        gains = {name: Improvement(**v) for name, v in row.pop("improvements", {}).items()}
        rows.append(Row(**row, values=statistics, improvements=gains))
    return Table(over=over, metrics=metrics, rows=tuple(rows), **values)
