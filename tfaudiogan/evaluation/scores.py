"""Scores of models and baselines over windows and over whole reconstructed tracks.

A model is any function from ``(n, window)`` to the same shape, float32, at the common level
(``tfaudiogan.audio.levels``). It is compared with three baselines: the unchanged input, silence,
and the input multiplied by the constant that fits the target best, for each window or track. The
last one knows the target, so a model that scores better has learned more than a volume.

Windows of digital silence are left out. A window is digital silence if no sample in its target's
file exceeds one 16-bit step, because synthesizers dither their silence by that much.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfaudiogan.audio.levels import db_to_gain
from tfaudiogan.audio.windows import check_window
from tfaudiogan.corpus.manifest import Pair
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.crops.starts import grid_starts, spread
from tfaudiogan.errors import InputError
from tfaudiogan.evaluation.in_context import (
    InContext,
    ModelFunction,
    reader,
    reconstruct,
    run_windows,
)
from tfaudiogan.progress import progress_bar
from tfaudiogan.reporting.tables import (
    METRICS,
    Improvement,
    Metric,
    Row,
    Scores,
    Statistic,
    Table,
)

__all__ = [
    "AdaptiveFunction",
    "InContext",
    "MetricFunction",
    "ModelFunction",
    "best_gain",
    "reconstruct",
    "score",
    "score_tracks",
    "score_windows",
]

_ROWS = 16

Model = ModelFunction | InContext
MetricFunction = Callable[[np.ndarray, np.ndarray], Any]
AdaptiveFunction = Callable[[np.ndarray], ModelFunction]
"""A function from the whole input of a track, ``(samples,)``, to the model for its windows."""

UNALTERED = "unaltered windows"
FRAMEWISE = frozenset({"lsd", "multi_resolution_distance", "mel_distance"})
"""Metrics that are means over short frames.

For a track, these are averaged over its windows with sound whose value is finite. All other metrics
are computed on the whole track.
"""

IMPROVED = frozenset({"si_sdr", "mel_distance", "perceptual"})
"""Metrics whose gain over the input is reported, with its interval and the share that got worse."""


def default_metrics() -> dict[str, MetricFunction]:
    """Return the paper's metrics: SNR (equation 24) and LSD (equation 25)."""
    from tfaudiogan import metrics

    return {"snr": metrics.snr, "lsd": metrics.lsd}


def best_gain(inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the factor by which each input fits its target best.

    It is the least-squares solution ``<input, target> / <input, input>``, or 0 for silent inputs.

    Args:
        inputs: Input signals, ``(n, samples)``.
        targets: Target signals, ``(n, samples)``.

    Returns:
        The factors, ``(n,)`` float64.
    """
    inputs, targets = inputs.astype(np.float64), targets.astype(np.float64)
    power = np.einsum("ns,ns->n", inputs, inputs)
    return np.einsum("ns,ns->n", inputs, targets) / np.where(power > 0, power, 1.0)


def score_windows(
    model_fn: Model | Mapping[str, Model],
    corpus: Corpus,
    split: str,
    window: int,
    *,
    limit: int | None = None,
    batch: int = 16,
    metrics: Mapping[str, MetricFunction] | None = None,
    baselines: Mapping[str, Model] | None = None,
    adaptive: Mapping[str, AdaptiveFunction] | None = None,
    unaltered: bool = False,
    progress: bool = False,
) -> Table:
    """Score models on a fixed grid of non-overlapping windows of a split's tracks.

    The samples after the last whole window of a track are left out, and so are windows whose target
    is digital silence and tracks that are not altered. Memory does not grow with the corpus.

    A model sees each window alone. A model that is ``InContext`` is run by overlap-add over the
    window and its surroundings, with windows of its own length.

    Args:
        model_fn: A model, or several models by the names to print.
        corpus: Corpus of pairs.
        split: Split to score.
        window: Number of samples in a window.
        limit: Largest number of windows, which are evenly spaced on the grid.
        batch: Number of windows in a batch.
        metrics: Metrics by name; SNR and LSD by default. A metric is a ``keras.ops`` function of
            (generated, target), both ``(n, window)``, that returns ``(n,)``.
        baselines: Further baselines by the names to print. A baseline is a function like a model.
        adaptive: Baselines by name that adapt to the whole track of a window.
        unaltered: Whether to score only the tracks that are not altered, which shows whether the
            model leaves good sound alone.
        progress: Whether to show a progress bar.

    Raises:
        InputError: If the split has no window with sound.
        ValueError: If a model's output has another shape than its input.
    """
    check_window(window)
    tally = _Tally.of(corpus.task, model_fn, baselines, metrics, adaptive)
    pairs = corpus.unaltered(split) if unaltered else corpus.altered(split)
    count, grid = _grid(corpus, split, pairs, window, limit)
    silent, waiting, current = 0, [], None
    adapted: dict[str, ModelFunction] = {}
    known: dict[str, dict[int, np.ndarray]] = {}
    with progress_bar() as bar:
        task = bar.add_task("Scoring windows", total=count, status="", visible=progress)
        for pair, start in grid:
            sides = corpus.read(pair, start, start + window)
            if _sounds(sides[1], pair):
                if current is not pair:
                    current, known = pair, {name: {} for name in tally.in_context}
                    if adaptive:
                        whole = corpus.read(pair, 0, pair.samples)[0]
                        adapted = {name: adapt(whole) for name, adapt in adaptive.items()}
                outputs = {n: run_windows(f, sides[0][None])[0] for n, f in adapted.items()}
                for name, model in tally.in_context.items():
                    outputs[name] = model.piece(
                        reader(corpus, pair),
                        pair.samples,
                        start,
                        start + window,
                        batch=batch,
                        known=known[name],
                    )
                waiting.append((*sides, outputs))
            else:
                silent += 1
            if len(waiting) == batch:
                tally.add_windows(*_stacked(waiting))
                waiting.clear()
            bar.advance(task)
    if waiting:
        tally.add_windows(*_stacked(waiting))
    over = UNALTERED if unaltered else "windows"
    return tally.table(over, silent, None, f"split {split!r} of {corpus.folder}")


def score_tracks(
    model_fn: Model | Mapping[str, Model],
    corpus: Corpus,
    split: str,
    window: int,
    *,
    seconds: float | None = None,
    hop: int | None = None,
    batch: int = 16,
    metrics: Mapping[str, MetricFunction] | None = None,
    baselines: Mapping[str, Model] | None = None,
    adaptive: Mapping[str, AdaptiveFunction] | None = None,
    track_metrics: Mapping[str, MetricFunction] | None = None,
    progress: bool = False,
) -> Table:
    """Score models on a split's tracks, which are reconstructed by overlap-add.

    Memory holds one track at a time. A model that is ``InContext`` has its own windows and hop.
    The other arguments and the errors are those of ``score_windows``.

    Args:
        seconds: Largest length of each track, from its first sound on; ``None`` means whole tracks.
        hop: Number of samples from one window to the next; half of a window by default.
        track_metrics: Further metrics for whole tracks, which are functions of NumPy arrays
            ``(1, samples)``.
    """
    check_window(window)
    metrics = {**(default_metrics() if metrics is None else metrics), **(track_metrics or {})}
    tally = _Tally.of(corpus.task, model_fn, baselines, metrics, adaptive)
    pairs = corpus.altered(split)
    silent = 0
    with progress_bar() as bar:
        task = bar.add_task("Scoring tracks", total=len(pairs), status="", visible=progress)
        for pair in pairs:
            start, stop = 0, pair.samples
            if seconds is not None:
                start = pair.sounding[0][0] if pair.sounding else 0
                stop = min(stop, start + max(1, round(seconds * pair.sample_rate)))
            inputs, targets = corpus.read(pair, start, stop)
            sounding = _sounds(_grid_of(targets, window), pair)
            if sounding.any():
                tally.add_track(inputs, targets, window, hop, batch, sounding)
            else:
                silent += 1
            bar.advance(task)
    return tally.table("tracks", silent, seconds, f"split {split!r} of {corpus.folder}")


def score(
    model_fn: Model | Mapping[str, Model],
    corpus: Corpus,
    split: str,
    window: int,
    *,
    limit: int | None = None,
    seconds: float | None = None,
    hop: int | None = None,
    batch: int = 16,
    metrics: Mapping[str, MetricFunction] | None = None,
    baselines: Mapping[str, Model] | None = None,
    adaptive: Mapping[str, AdaptiveFunction] | None = None,
    track_metrics: Mapping[str, MetricFunction] | None = None,
    progress: bool = False,
) -> Scores:
    """Score models over windows and over tracks, with one table for each.

    Tracks that are not altered have a third table. The arguments and the errors are those of
    ``score_windows`` and ``score_tracks``.
    """
    options = {
        "batch": batch,
        "metrics": metrics,
        "baselines": baselines,
        "adaptive": adaptive,
        "progress": progress,
    }
    windows = score_windows(model_fn, corpus, split, window, limit=limit, **options)
    tracks = score_tracks(
        model_fn,
        corpus,
        split,
        window,
        seconds=seconds,
        hop=hop,
        track_metrics=track_metrics,
        **options,
    )
    tables = {"windows": windows, "tracks": tracks}
    if grid_starts(corpus.unaltered(split), window, window):
        tables[UNALTERED] = score_windows(
            model_fn, corpus, split, window, limit=limit, unaltered=True, **options
        )
    return Scores(
        corpus=str(corpus.folder),
        corpus_sha256=corpus.checksum,
        task=corpus.task,
        split=split,
        sample_rate=corpus.sample_rate,
        window=window,
        tables=tables,
    )


@dataclass(frozen=True)
class _System:
    """A system to score, which is a ``model``, an ``adapt`` function or an ``oracle``."""

    name: str
    label: str
    kind: str
    model: Model | None = None
    adapt: AdaptiveFunction | None = None
    oracle: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None

    def generate(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        run: Callable[[Any, np.ndarray], np.ndarray],
    ) -> np.ndarray:
        if self.model is not None:
            return run(self.model, inputs)
        return self.oracle(inputs, targets)


_INPUT_LABELS = {"superres": "Cubic spline (the input)"}
_BASELINES = (
    _System("silence", "Silence", "baseline", oracle=lambda x, y: np.zeros_like(x)),
    _System(
        "best_gain",
        "Best constant gain",
        "baseline",
        oracle=lambda x, y: x * best_gain(x, y)[:, None].astype(np.float32),
    ),
)


@dataclass(frozen=True)
class _Tally:
    """The values of all metrics for all systems, collected batch by batch."""

    systems: tuple[_System, ...]
    metrics: Mapping[str, MetricFunction]
    values: dict[tuple[str, str], list[np.ndarray]]

    @classmethod
    def of(
        cls,
        task: str,
        model_fn: Model | Mapping[str, Model],
        baselines: Mapping[str, Model] | None,
        metrics: Mapping[str, MetricFunction] | None,
        adaptive: Mapping[str, AdaptiveFunction] | None = None,
    ) -> "_Tally":
        metrics = default_metrics() if metrics is None else metrics
        if isinstance(model_fn, Mapping):
            models = [_System(name, name, "model", model) for name, model in model_fn.items()]
        else:
            models = [_System("model", "Model", "model", model_fn)]
        extra = [_System(n, n, "baseline", model) for n, model in (baselines or {}).items()]
        extra += [_System(n, n, "baseline", adapt=adapt) for n, adapt in (adaptive or {}).items()]
        label = _INPUT_LABELS.get(task, "Input as it is")
        identity = _System("identity", label, "baseline", oracle=lambda x, y: x)
        systems = (*models, *extra, identity, *_BASELINES)
        names = [system.name for system in systems]
        if len(set(names)) < len(names):
            raise ValueError(f"the names of the systems are {names}; expected each name once")
        return cls(systems, metrics, {(system, m): [] for system in names for m in metrics})

    @property
    def in_context(self) -> dict[str, InContext]:
        """Models that are also given the surroundings of a window, by name."""
        return {s.name: s.model for s in self.systems if isinstance(s.model, InContext)}

    def add_windows(
        self, inputs: np.ndarray, targets: np.ndarray, outputs: Mapping[str, np.ndarray]
    ) -> None:
        """Score ``(n, window)``; ``outputs`` holds those of systems that see more than a window."""
        for system in self.systems:
            if system.name in outputs:
                generated = outputs[system.name]
            else:
                generated = system.generate(inputs, targets, run_windows)
            for name, values in _per_window(self.metrics, generated, targets).items():
                self.values[system.name, name].append(values)

    def add_track(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        window: int,
        hop: int | None,
        batch: int,
        sounding: np.ndarray,
    ) -> None:
        """Score a track, ``(samples,)``; ``sounding`` marks its windows with sound."""

        def run(model: Model, inputs: np.ndarray) -> np.ndarray:
            if isinstance(model, InContext):
                return reconstruct(model.model, inputs[0], model.window, batch, model.hop)[None]
            return reconstruct(model, inputs[0], window, batch, hop)[None]

        from keras import ops

        framewise = {n: metric for n, metric in self.metrics.items() if n in FRAMEWISE}
        target_windows = _grid_of(targets, window)[sounding]
        for system in self.systems:
            if system.adapt is not None:
                generated = run_windows(system.adapt(inputs), inputs[None])
            else:
                generated = system.generate(inputs[None], targets[None], run)
            windows = _grid_of(generated[0], window)[sounding]
            for name, values in _per_window(framewise, windows, target_windows).items():
                mean = Statistic.of(values).mean
                self.values[system.name, name].append([np.nan if mean is None else mean])
            for name in self.metrics.keys() - framewise.keys():
                value = self.metrics[name](generated, targets[None])
                self.values[system.name, name].append(ops.convert_to_numpy(value))

    def table(self, over: str, silent: int, seconds: float | None, where: str) -> Table:
        samples = {
            key: np.concatenate(parts) if parts else np.zeros(0)
            for key, parts in self.values.items()
        }
        counted = len(next(iter(samples.values())))
        if not counted:
            raise InputError(
                f"all {silent} {over} of {where} are silent; choose a split with sound"
            )
        rows = []
        for system in self.systems:
            values = {name: samples[system.name, name] for name in self.metrics}
            statistics = {name: Statistic.of(array) for name, array in values.items()}
            gains = self._improvements(values, samples) if over == "tracks" else {}
            rows.append(Row(system.name, system.label, system.kind, statistics, gains, values))
        metrics = {name: METRICS.get(name, Metric(name)) for name in self.metrics}
        return Table(over, counted, silent, seconds, metrics, tuple(rows))

    def _improvements(
        self,
        values: Mapping[str, np.ndarray],
        samples: Mapping[tuple[str, str], np.ndarray],
    ) -> dict[str, Improvement]:
        """Return the gains of the ``IMPROVED`` metrics over the input, track by track."""
        gains = {}
        for name in IMPROVED & self.metrics.keys():
            difference = values[name] - samples["identity", name]
            sign = -1.0 if METRICS[name].higher_is_better is False else 1.0
            improvement = Improvement.of(sign * difference)
            if improvement is not None:
                gains[name] = improvement
        return gains


def _stacked(
    waiting: list[tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]],
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    inputs, targets, adapted = zip(*waiting, strict=True)
    by_name = {name: np.stack([outputs[name] for outputs in adapted]) for name in adapted[0]}
    return np.stack(inputs), np.stack(targets), by_name


def _per_window(
    metrics: Mapping[str, MetricFunction], generated: np.ndarray, targets: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the metrics of windows ``(n, window)``, in batches of one size that compile once."""
    if not metrics:
        return {}
    compiled = _compiled(tuple(metrics.items()))
    parts = []
    for start in range(0, len(targets), _ROWS):
        pair = [x[start : start + _ROWS] for x in (generated, targets)]
        values = compiled([np.resize(x, (_ROWS, x.shape[1])) for x in pair])
        parts.append({name: value[: len(pair[0])] for name, value in values.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in metrics}


@functools.cache
def _compiled(metrics: tuple[tuple[str, MetricFunction], ...]) -> Callable:
    """Compile the metrics into one graph, which is several times faster than eager execution."""
    import keras

    class MetricModel(keras.Model):
        def call(self, pair):
            return {name: metric(*pair) for name, metric in metrics}

    model = MetricModel()
    model.compile(jit_compile=keras.config.backend() == "jax")
    return model.predict_on_batch


def _sounds(targets: np.ndarray, pair: Pair) -> np.ndarray:
    """Return whether each row of ``(..., window)`` is more than digital silence."""
    step = db_to_gain(pair.target_gain_db) / 32768
    return np.abs(targets).max(axis=-1) > 1.5 * step


def _grid_of(audio: np.ndarray, window: int) -> np.ndarray:
    """Return the whole windows of ``(samples,)``; a shorter signal is repeated to fill one."""
    if len(audio) < window:
        audio = np.resize(audio, window)
    return audio[: len(audio) // window * window].reshape(-1, window)


def _grid(
    corpus: Corpus, split: str, pairs: tuple[Pair, ...], window: int, limit: int | None
) -> tuple[int, Iterator[tuple[Pair, int]]]:
    """Return the number of windows to score, and the pair and first sample of each."""
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit} windows; expected at least 1")
    starts = grid_starts(pairs, window, window)
    if not len(starts):
        raise InputError(
            f"no track of split {split!r} of {corpus.folder} is as long as a window of {window} "
            "samples; give longer tracks or a model with shorter windows"
        )
    count = len(starts) if limit is None else min(limit, len(starts))
    tracks, firsts = starts.locate(spread(np.arange(count), count, len(starts)))
    places = zip(tracks.tolist(), firsts.tolist(), strict=True)
    return count, ((pairs[track], first) for track, first in places)
