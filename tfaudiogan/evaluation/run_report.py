"""Evaluates a trained model on held-out pairs and writes its report."""

import functools
import json
from pathlib import Path

import numpy as np

from tfaudiogan.audio.blind_equalizer import BlindEqualizer, zero_phase_taps
from tfaudiogan.audio.filters import convolve
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.evaluation.equalizer import fit_blind_equalizer, fit_equalizer
from tfaudiogan.evaluation.examples import make_examples
from tfaudiogan.evaluation.in_context import InContext
from tfaudiogan.evaluation.perceptual import EXTRA, is_available, opinion_score
from tfaudiogan.evaluation.report import write_report
from tfaudiogan.evaluation.scores import AdaptiveFunction, MetricFunction, ModelFunction, score
from tfaudiogan.inference.load import WindowModel, load_model
from tfaudiogan.progress import console
from tfaudiogan.reporting.tables import Scores

EQUALIZER = "Linear equalizer"
BLIND_EQUALIZER = "Blind equalizer"
EQUALIZER_SECONDS = 1200.0
RUN_WINDOWS = 2000
RUN_SECONDS = 30.0
RESTORATION = ("phone", "pairs")
"""Tasks whose inputs are recordings rather than other instruments."""

_MEL_FFT = 1024
_SMALLEST_FFT = 512


@functools.cache
def run_metrics(sample_rate: int, window: int) -> dict[str, MetricFunction]:
    """Return the metrics of an evaluation by name.

    Metrics whose spectra do not fit into the window are left out.

    Args:
        sample_rate: Sample rate in hertz.
        window: Number of samples in a window.
    """
    from tfaudiogan import metrics

    functions = {"snr": metrics.snr, "si_sdr": metrics.si_sdr}
    if window >= _SMALLEST_FFT:
        functions["lsd"] = metrics.lsd
        functions["multi_resolution_distance"] = metrics.multi_resolution_distance
    if window >= _MEL_FFT:
        functions["mel_distance"] = functools.partial(
            metrics.mel_distance, sample_rate=sample_rate, n_fft=_MEL_FFT
        )
    return functions


def adaptive_equalizer(equalizer: BlindEqualizer, sample_rate: int) -> AdaptiveFunction:
    """Return a blind equalizer as a baseline, with one filter for all windows of a track."""

    def adapt(audio: np.ndarray) -> ModelFunction:
        taps = zero_phase_taps(equalizer.gains_db(audio, sample_rate), sample_rate)
        return lambda windows: np.stack([convolve(window, taps) for window in windows])

    return adapt


def score_model(
    model: WindowModel,
    corpus: Corpus,
    split: str = "test",
    windows: int | None = None,
    seconds: float | None = None,
    training: Corpus | None = None,
) -> Scores:
    """Score a model over windows and whole tracks of a split, beside the baselines.

    Args:
        model: Model to score.
        corpus: Corpus of pairs.
        split: Split to score.
        windows: Largest number of windows, which are evenly spaced; ``None`` means all.
        seconds: Largest length of each track; ``None`` means whole tracks.
        training: Corpus that the equalizers are fitted to, by default ``corpus``. Without training
            pairs there are no equalizers.

    Raises:
        InputError: If the model has another sample rate than a corpus.
    """
    rate = model.metadata.sample_rate
    training = training or corpus
    for used in (corpus, training):
        if rate != used.sample_rate:
            raise InputError(
                f"the model is for {rate} Hz and {used.folder} is at {used.sample_rate} Hz; "
                f"render it with --sample-rate {rate}"
            )
    baselines, adaptive, track_metrics = {}, {}, {}
    if any(pair.split == "train" for pair in training.pairs):
        baselines[EQUALIZER] = fit_equalizer(training, max_seconds=EQUALIZER_SECONDS)
        if corpus.task in RESTORATION:
            adaptive[BLIND_EQUALIZER] = adaptive_equalizer(fit_blind_equalizer(training), rate)
    if corpus.task in RESTORATION:
        if is_available():
            track_metrics["perceptual"] = functools.partial(opinion_score, sample_rate=rate)
        else:
            console.print(
                f"the perceptual metric is not installed; pip install 'tfaudiogan[{EXTRA}]'",
                markup=False,
            )
    return score(
        model,
        corpus,
        split,
        model.metadata.window,
        limit=windows,
        seconds=seconds,
        hop=model.metadata.hop,
        metrics=run_metrics(rate, model.metadata.window),
        baselines=baselines,
        adaptive=adaptive,
        track_metrics=track_metrics,
        progress=True,
    )


def report_model(
    model: WindowModel,
    corpus: Corpus,
    scores: Scores,
    folder: Path,
    path: Path,
    *,
    history: Path | None = None,
    config: dict | None = None,
    facts: dict | None = None,
) -> Path:
    """Write the report of a model's scores, with excerpts from the scored split."""
    in_use = InContext(model, model.metadata.window, model.metadata.hop)
    return write_report(
        folder,
        title=f"{corpus.task}: {path.parent.name or path.name}",
        scores=scores,
        history=history,
        examples=make_examples(in_use, corpus, scores.split, window=model.metadata.window),
        config=config,
        facts=facts,
        commands={
            "Enhance a recording": f"tfaudiogan enhance RECORDING.wav --model {path} --out OUT.wav",
            "Score it again": f"tfaudiogan evaluate --model {path} --data {corpus.folder}",
        },
    )


def report_run(run, corpus: Corpus) -> Scores:
    """Score a finished run's best generator on the test split and write the run's report.

    At most ``RUN_WINDOWS`` windows and ``RUN_SECONDS`` of each track are scored to save time.
    ``tfaudiogan evaluate`` scores the whole split.

    Args:
        run: ``runs.folder.RunFolder`` of the run.
        corpus: Corpus that the run was trained on.
    """
    model = load_model(run.generator)
    scores = score_model(model, corpus, windows=RUN_WINDOWS, seconds=RUN_SECONDS)
    report_model(
        model,
        corpus,
        scores,
        run.report,
        run.generator,
        history=run.history,
        config=json.loads(run.config.read_text(encoding="utf-8")),
        facts=json.loads(run.facts.read_text(encoding="utf-8")),
    )
    return scores
