"""Figure 6: how far apart input and target sounds lie in the autoencoder's bottleneck."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tfaudiogan import crops
from tfaudiogan.config import Config
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.experiments.figure6_page import write_figure6
from tfaudiogan.experiments.folder import EXPERIMENT, settled
from tfaudiogan.experiments.separation import Separation, embed, separability
from tfaudiogan.progress import console, progress_bar
from tfaudiogan.runs.checks import check_splits
from tfaudiogan.runs.identity import settle
from tfaudiogan.storage import checksum, write_text

SPLIT = "test"
BATCHES, BATCH = 10, 64
"""The paper's 640 pairs."""


def run_figure6(
    corpus: Corpus,
    out: Path | str,
    *,
    config: Config,
    autoencoder: Path | None = None,
    autoencoder_steps: int = 1000,
    batches: int = BATCHES,
    batch: int = BATCH,
    panels: int = 9,
    seed: int = 0,
    classifier_weight: float = 0.0,
) -> tuple[Separation, ...]:
    """Encode pairs of windows, embed randomly chosen channels, and say how separable they are.

    The bottleneck gives each channel of each window a series of values (512 of them at the
    paper's sizes): one point. Writes ``out/index.html``, ``figure6.json``, and one figure for each
    autoencoder as SVG and PNG. Trained autoencoders in ``out`` are used again.

    Args:
        corpus: the pairs; windows are random crops of its test split.
        out: the experiment's folder.
        config: window and autoencoder, and how it is trained.
        autoencoder: a trained one; trained first where none is given.
        autoencoder_steps: of that training, two updates each.
        batches, batch: so many times so many pairs are shown.
        panels: channels that are shown, chosen at random.
        seed: of the crops, the choice and the embedding.
        classifier_weight: where it is not 0, a second autoencoder is trained with a classifier
            on its bottleneck, of this weight, and shown beside (the extension that section V-A
            suggests).

    Returns:
        What was found for each autoencoder, the plain one first.

    Raises:
        InputError: when a size is out of range, or the folder holds another experiment.
        Diverged: when an autoencoder's loss is not a number.
    """
    from tfaudiogan.runs.train import load_autoencoder

    out = Path(out)
    sizes = {"autoencoder steps": autoencoder_steps, "batches": batches, "panels": panels}
    for name, value in sizes.items():
        if value < 1:
            raise InputError(f"{name} is {value}; expected 1 or more")
    if batches * batch < 5:
        raise InputError(f"{batches} batches of {batch} pairs; expected 5 pairs or more")
    if not 0 <= classifier_weight < float("inf"):
        raise InputError(f"classifier weight is {classifier_weight}; expected 0 or more")
    config = settled(config, out)
    config.autoencoder.check_window(config.window)
    check_splits(corpus, config.window, (SPLIT,) if autoencoder else ("train", SPLIT))
    if autoencoder is not None:
        load_autoencoder(Path(autoencoder), config, corpus)
    used = ("window", "autoencoder", "optimizer", "training")
    settle(
        out / EXPERIMENT,
        {
            "experiment": "figure6",
            "corpus": corpus.checksum,
            "autoencoder_steps": autoencoder_steps,
            "autoencoder": checksum(autoencoder) if autoencoder else "trained here",
            "config": {n: v for n, v in dataclasses.asdict(config).items() if n in used},
        },
        "give the same, or another --out",
    )
    config.save(out / "config.json")
    parts = []
    for name, label, weight in _variants(classifier_weight):
        if autoencoder is not None and not weight:
            network = load_autoencoder(Path(autoencoder), config, corpus)
        else:
            path = out / f"autoencoder-{name}.keras"
            network = _trained(config, corpus, path, autoencoder_steps, weight)
        parts.append(
            _separation(network, name, label, config, corpus, batches, batch, panels, seed)
        )
    found = tuple(parts)
    facts = {
        "pairs": batches * batch,
        "split": SPLIT,
        "seed": seed,
        "autoencoder_steps": "given" if autoencoder else autoencoder_steps,
        "classifier_weight": classifier_weight,
    }
    content = {"separability": _METHOD, **facts, "autoencoders": [s.to_dict() for s in found]}
    write_text(out / "figure6.json", json.dumps(content, indent=2) + "\n")
    command = (
        f"tfaudiogan experiment figure6 --data {corpus.folder} --out {out} "
        f"--config {out / 'config.json'} --autoencoder-steps {autoencoder_steps}"
    )
    command += f" --batches {batches}" if batches != BATCHES else ""
    command += f" --autoencoder {autoencoder}" if autoencoder else ""
    command += f" --classifier-weight {classifier_weight:g}" if classifier_weight else ""
    write_figure6(out, corpus, config, found, method=_METHOD, facts=facts, command=command)
    return found


_METHOD = " ".join((separability.__doc__ or "\n\n").split("\n\n")[1].split())


def _variants(classifier_weight: float) -> list[tuple[str, str, float]]:
    variants = [("plain", "Autoencoder", 0.0)]
    if classifier_weight:
        weight = f"{classifier_weight:g}"
        variants.append(
            (f"classifier-{weight}", f"With a classifier of weight {weight}", classifier_weight)
        )
    return variants


def _trained(
    config: Config, corpus: Corpus, path: Path, steps: int, classifier_weight: float
) -> Any:
    from tfaudiogan.runs.train import load_autoencoder, train_autoencoder

    if path.is_file():
        return load_autoencoder(path, config, corpus)
    console.print(f"training {path.stem} for {steps} steps")
    return train_autoencoder(config, corpus, path, steps, classifier_weight=classifier_weight)


def _separation(
    network: Any,
    name: str,
    label: str,
    config: Config,
    corpus: Corpus,
    batches: int,
    batch: int,
    panels: int,
    seed: int,
) -> Separation:
    inputs, targets, quality = _encode(network, config, corpus, batches, batch, seed)
    count = inputs.shape[-1]
    chosen = np.sort(np.random.default_rng(seed).choice(count, min(panels, count), replace=False))
    points = {}
    with progress_bar() as bar:
        task = bar.add_task(label, total=count + len(chosen), status="")
        scores = []
        for channel in range(count):
            scores.append(separability(inputs[..., channel], targets[..., channel]))
            bar.advance(task)
        for channel in chosen.tolist():
            points[channel] = embed(inputs[..., channel], targets[..., channel], seed)
            bar.advance(task)
    return Separation(name, label, tuple(scores), points, quality)


def _encode(
    network: Any, config: Config, corpus: Corpus, batches: int, batch: int, seed: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return both sides' bottlenecks, ``(pairs, time, channels)``, and the reconstruction's SNR."""
    from keras import ops

    from tfaudiogan.metrics import snr

    data: Iterable[Any] = crops.training(corpus, config.window, batch, seed=seed, split=SPLIT)
    sides: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    found = []
    for _, pair in zip(range(batches), data, strict=False):
        for kept, signal in zip(sides, pair, strict=True):
            signal = np.asarray(signal)
            kept.append(np.asarray(network.encoder.predict_on_batch(signal)))
            again = np.asarray(network.predict_on_batch(signal))
            found.append(ops.convert_to_numpy(snr(again[..., 0], signal[..., 0])))
    values = np.concatenate(found)
    inputs, targets = (np.concatenate(kept) for kept in sides)
    return inputs, targets, float(values[np.isfinite(values)].mean())
