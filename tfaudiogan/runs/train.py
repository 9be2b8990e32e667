"""Trains a generator into a run folder, from a configuration and a corpus."""

import dataclasses
import json
import platform
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfaudiogan._version import __version__
from tfaudiogan.config import Config
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.inference.load import load_keras
from tfaudiogan.inference.metadata import ModelMetadata, write_metadata
from tfaudiogan.models import (
    LINKED_CHANNELS,
    build_autoencoder,
    hop_of,
    is_spectral,
    subpixel_order,
)
from tfaudiogan.progress import console
from tfaudiogan.runs.callbacks import (
    AveragedWeights,
    BestGenerator,
    Checkpoint,
    History,
    LossShares,
    ProgressBar,
    StopAtStep,
    StopOnDivergence,
    steps_made,
)
from tfaudiogan.runs.checkpoint import read_progress
from tfaudiogan.runs.checks import check_monitor, check_sample_rate, check_splits, extends
from tfaudiogan.runs.devices import ONE_DEVICE, Devices, check_batch
from tfaudiogan.runs.folder import RESUME_ADVICE, Plan, RunFolder
from tfaudiogan.runs.identity import check_same
from tfaudiogan.storage import checksum, replacing, write_text
from tfaudiogan.training.autoencoder import AutoencoderTrainer
from tfaudiogan.training.build import (
    build_model,
    build_optimizer,
    check_networks,
    windows_per_step,
)
from tfaudiogan.training.precision import computing_in, in_float32, resolve, set_precision


def train_autoencoder(
    config: Config,
    corpus: Corpus,
    path: Path,
    steps: int,
    frequency_weight: float = 0.0,
    classifier_weight: float = 0.0,
    devices: Devices = ONE_DEVICE,
):
    """Pretrain the autoencoder of the feature loss (section V-A) and save it as ``.keras``.

    The function must be called within the scope of the devices.
    """
    keras.utils.set_random_seed(config.training.seed)
    with computing_in(resolve(config).training.precision):
        autoencoder = build_autoencoder(config.window, **vars(config.autoencoder))
        trainer = AutoencoderTrainer(autoencoder, frequency_weight, classifier_weight)
    rate, updates = config.optimizer.learning_rate, trainer.UPDATES_PER_STEP
    trainer.compile(build_optimizer(config, rate, steps, updates=updates))
    epoch = min(steps, config.training.steps_per_epoch)
    bar = ProgressBar(steps, shown=("loss", "accuracy"))
    try:
        trainer.fit(
            devices.training(
                corpus, config.window, config.training.batch, seed=config.training.seed
            ),
            epochs=-(-steps // epoch),
            steps_per_epoch=epoch,
            callbacks=[
                bar,
                StopAtStep(steps),
                StopOnDivergence(),
                History(path.with_suffix(".csv")),
            ],
            shuffle=False,
            verbose=0,
        )
    finally:
        bar.close()
    with replacing(path) as temporary:
        in_float32(autoencoder).save(temporary)
        write_metadata(
            temporary,
            ModelMetadata(
                sample_rate=corpus.sample_rate,
                window=config.window,
                task="autoencoder",
                preset=config.preset,
                trained_on=corpus.description,
                data_sha256=corpus.checksum,
                steps=2 * steps,
                parameters=autoencoder.count_params(),
            ),
        )
    return autoencoder


def load_autoencoder(path: Path, config: Config, corpus: Corpus | None = None):
    """Load an autoencoder that ``train_autoencoder`` saved.

    Args:
        path: Path of the ``.keras`` file.
        config: Configuration of the run, for its window and precision.
        corpus: Corpus of the run. The autoencoder must have been trained at its sample rate.

    Raises:
        InputError: If the file is not an autoencoder, or is one for another window or sample rate.
    """
    autoencoder = load_keras(path)
    try:
        _, samples, channels = autoencoder.encoder.input_shape
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not an autoencoder of tfaudiogan") from error
    if channels != 1:
        raise InputError(
            f"{path} is not an autoencoder of tfaudiogan; it takes {channels} channels"
        )
    if samples not in (None, config.window):
        raise InputError(
            f"{path} is for windows of {samples} samples, not {config.window}; train another one"
        )
    if corpus is not None:
        check_sample_rate(path, corpus)
    set_precision(autoencoder, resolve(config).training.precision)
    return autoencoder


def save_generator(
    model, path: Path, config: Config, corpus: Corpus, steps: int, licence: str = ""
) -> None:
    """Save the generator with its metadata."""
    with replacing(path) as temporary:
        in_float32(model.generator).save(temporary)
        write_metadata(
            temporary,
            ModelMetadata(
                sample_rate=corpus.sample_rate,
                window=config.window,
                hop=hop_of(model.generator) or 0,
                channels=LINKED_CHANNELS if is_spectral(model.generator) else 1,
                task=corpus.task,
                preset=config.preset,
                trained_on=corpus.description,
                data_sha256=corpus.checksum,
                licence=licence,
                steps=steps,
                parameters=model.generator.count_params(),
            ),
        )


def _facts(corpus: Corpus, plan: Plan, devices: Devices) -> dict[str, Any]:
    return {
        "corpus": str(corpus.folder),
        "corpus_sha256": corpus.checksum,
        "task": corpus.task,
        "sample_rate": corpus.sample_rate,
        **{name: value for name, value in vars(plan).items() if value is not None},
        "devices": devices.replicas,
        "versions": {
            "tfaudiogan": __version__,
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def _settle(
    folder: RunFolder, config: Config | None, corpus: Corpus, resume: bool, given: dict[str, Any]
) -> tuple[Config, Plan]:
    """Return the configuration and the plan of a run, those of the folder if it is resumed.

    Raises:
        InputError: If ``config`` or ``given`` contradicts the run in the folder.
    """
    if not resume:
        if config is None:
            raise InputError(f"the run in {folder.path} has no configuration; give one")
        return resolve(config), Plan.begin(config, **given)
    kept, facts = folder.read()
    if config is not None:
        config = resolve(config, kept.training.precision).in_order(kept.generator.subpixel)
        check_same(folder.path, dataclasses.asdict(kept), dataclasses.asdict(config), RESUME_ADVICE)
    if facts["corpus_sha256"] != corpus.checksum:
        raise InputError(
            f"{folder.path} was trained on {facts['corpus']} ({facts['corpus_sha256'][:12]}), not "
            f"on {corpus.folder} ({corpus.checksum[:12]}); resume it with the corpus as it was, or "
            "start a new run with another --run"
        )
    if not extends(folder.path, kept, facts["steps"], given["steps"], RESUME_ADVICE):
        return kept, folder.resume(facts, **given)
    plan = folder.resume(facts, **{**given, "steps": None})
    return kept, dataclasses.replace(plan, steps=given["steps"])


def train(
    config: Config | None,
    corpus: Corpus,
    run: Path | str,
    *,
    steps: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    autoencoder: Path | str | None = None,
    autoencoder_steps: int | None = None,
    warm_start: Path | str | None = None,
    monitor: str | None = None,
    licence: str | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    devices: Devices = ONE_DEVICE,
) -> RunFolder:
    """Train a generator. The run folder records everything that the run was made from.

    The arguments are checked before anything is written or trained. If a run has several processes,
    only the chief writes, and all processes read the folder of a resumed run.

    Args:
        config: Configuration of the networks and their training. ``None`` resumes a run with its
            own configuration.
        corpus: Corpus of pairs to train on.
        run: Folder of the run.
        steps: Number of generator updates. It is the configuration's epochs by default.
        resume: Whether to continue the run in the folder exactly where it ended. The other
            arguments default to the run's own and must not contradict them, except that ``steps``
            can be larger if the learning rate does not depend on it.
        overwrite: Whether to remove a run that the folder holds and start again.
        autoencoder: Trained autoencoder for the feature loss; the folder keeps a copy. It is
            trained first by default.
        autoencoder_steps: Number of steps of that training, with two updates each; 1000 by default.
        warm_start: ``.keras`` generator that provides the initial weights and the order of the
            subpixel layers; the folder keeps a copy.
        monitor: Validation log whose best epoch is saved as ``generator.keras``; ``"val_snr"`` by
            default. Higher is better for ``"val_snr"``, lower for all others.
        licence: License of the weights, for the model's metadata.
        callbacks: Additional Keras callbacks.
        devices: Devices that the run computes on, from ``devices.choose``.

    Raises:
        InputError: If the arguments are inconsistent or do not fit the run in the folder.
        Diverged: If a loss is not finite.
        Interrupted: If the run was stopped by Ctrl-C or SIGTERM; its state is saved.
    """
    folder = RunFolder(Path(run))
    autoencoder, warm_start = (path and Path(path) for path in (autoencoder, warm_start))
    config, plan = _settle(
        folder,
        config,
        corpus,
        resume,
        {
            "steps": steps,
            "monitor": monitor,
            "licence": licence,
            "autoencoder_steps": autoencoder_steps,
            "autoencoder_sha256": autoencoder and _checksum(autoencoder),
            "warm_start_sha256": warm_start and _checksum(warm_start),
        },
    )
    if not resume and not overwrite:
        folder.check_free()
    settings, total = config.training, plan.steps
    check_batch(settings.batch, devices)
    check_monitor(config, plan.monitor)
    check_splits(corpus, config.window, ("train", "validation"), settings.batch, devices.replicas)
    is_continued = resume and folder.checkpoint.is_file()
    if devices.any(is_continued) != is_continued:
        raise InputError(
            f"{folder.checkpoint} is missing, but another process of the run has a checkpoint; "
            "give all processes the chief's folder"
        )
    progress = read_progress(folder.checkpoint) if is_continued else {"step": 0, "best": None}
    if progress["step"] >= total:
        console.print(f"{folder.path} already has its {total} steps")
        return folder
    with ExitStack() as stack:
        output = folder
        if not devices.chief:
            output = RunFolder(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        stack.enter_context(devices.scope())

        if resume:
            autoencoder, warm_start = folder.given_models(plan)
        encoder, start = None, None
        if config.weights.feature and autoencoder is not None:
            encoder = load_autoencoder(autoencoder, config, corpus)
        if warm_start is not None and not is_continued:
            start, subpixel = _read_start(warm_start, corpus)
            config = config.in_order(subpixel)
        if start is not None or (config.weights.feature and encoder is None):
            check_networks(config, start, f"cannot start from {warm_start}")

        copies = {}
        if not resume:
            given = {output.autoencoder: encoder and autoencoder, output.start: warm_start}
            copies = {path: source.read_bytes() for path, source in given.items() if source}
            if devices.chief:
                folder.clear()
        output.path.mkdir(parents=True, exist_ok=True)
        config.save(output.config)
        for path, content in copies.items():
            with replacing(path) as temporary:
                temporary.write_bytes(content)
        write_text(output.facts, json.dumps(_facts(corpus, plan, devices), indent=2) + "\n")

        if config.weights.feature and encoder is None:
            console.print(f"pretraining the autoencoder for {plan.autoencoder_steps} steps")
            encoder = train_autoencoder(
                config, corpus, output.autoencoder, plan.autoencoder_steps, devices=devices
            )
        keras.utils.set_random_seed(settings.seed)
        model = build_model(config, total, encoder)
        if start is not None:
            model.generator.set_weights(start)
        best = BestGenerator(
            lambda: save_generator(
                model, output.generator, config, corpus, steps_made(model), plan.licence
            ),
            AveragedWeights(),
            plan.monitor,
            progress["best"],
        )
        checkpoint = Checkpoint(
            output.checkpoint,
            best,
            progress["step"],
            folder.checkpoint if is_continued else None,
            in_any=devices.any,
        )
        _fit(model, config, corpus, output, total, best, checkpoint, callbacks, devices)
    return folder


def _checksum(path: Path) -> str:
    try:
        return checksum(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give a .keras file") from error


def _read_start(path: Path, corpus: Corpus) -> tuple[list[np.ndarray], str | None]:
    """Load the initial weights of the generator and the order of its subpixel layers."""
    try:
        model = load_keras(path)
        weights: list[np.ndarray] = model.get_weights()
    except InputError as error:
        raise InputError(f"cannot start from {path}: it is not a Keras model") from error
    check_sample_rate(path, corpus)
    order = subpixel_order(model)
    return weights, None if order == "blocked" else order


def _fit(model, config, corpus, folder, total, best, checkpoint, callbacks, devices) -> None:
    settings, step = config.training, checkpoint.step
    per_epoch = min(settings.steps_per_epoch, total)
    windows = windows_per_step(config, model)
    bar = ProgressBar(total, step)
    all_callbacks = [
        best.averaged,
        *([bar] if devices.chief else []),
        StopOnDivergence(),
        StopAtStep(total, step),
        LossShares(),
        *callbacks,
        History(folder.history, step // per_epoch),
        best,
        checkpoint,
    ]
    validation, validation_steps = devices.validation(
        corpus, config.window, settings.batch, settings.validation_windows
    )

    def fit(epoch: int, epochs: int, first_step: int = 0) -> None:
        model.fit(
            devices.training(
                corpus,
                config.window,
                windows,
                seed=settings.seed,
                start=(epoch * per_epoch + first_step) * windows,
            ),
            initial_epoch=epoch,
            epochs=epochs,
            steps_per_epoch=per_epoch - first_step,
            validation_data=validation,
            validation_steps=validation_steps,
            callbacks=all_callbacks,
            shuffle=False,
            verbose=0,
        )

    epoch, first_step = divmod(step, per_epoch)
    epochs = -(-total // per_epoch)
    try:
        if first_step:
            fit(epoch, epoch + 1, first_step)
            epoch += 1
        if epoch < epochs and not model.stop_training:
            fit(epoch, epochs)
    finally:
        bar.close()
        checkpoint.close()
