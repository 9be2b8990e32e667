"""A whole training run in a folder of its own, from a configuration and a corpus."""

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
from tfaudiogan.models import LINKED_CHANNELS, build_autoencoder, is_spectral, subpixel_order
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
from tfaudiogan.runs.checks import check_monitor, check_sample_rate, check_splits
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

    Called within the scope of the devices.
    """
    keras.utils.set_random_seed(config.training.seed)
    with computing_in(resolve(config).training.precision):
        autoencoder = build_autoencoder(config.window, **vars(config.autoencoder))
        trainer = AutoencoderTrainer(autoencoder, frequency_weight, classifier_weight)
    trainer.compile(build_optimizer(config, config.optimizer.learning_rate, 2 * steps))
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
    """Read what ``train_autoencoder`` wrote.

    Args:
        path: of the ``.keras`` file.
        config: of the run, for its window and precision.
        corpus: of the run, whose sample rate the autoencoder must have been trained at.

    Raises:
        InputError: when it is no such file, or for another window or sample rate.
    """
    autoencoder = load_keras(path)
    try:
        _, samples, channels = autoencoder.encoder.input_shape
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not an autoencoder of tfaudiogan") from error
    if channels != 1:
        raise InputError(f"{path} is not an autoencoder of tfaudiogan; it takes {channels} signals")
    if samples not in (None, config.window):
        raise InputError(
            f"{path} is for windows of {samples} samples, not {config.window}; train another"
        )
    if corpus is not None:
        check_sample_rate(path, corpus)
    set_precision(autoencoder, resolve(config).training.precision)
    return autoencoder


def save_generator(
    model, path: Path, config: Config, corpus: Corpus, steps: int, licence: str = ""
) -> None:
    """Write the generator alone, with its metadata."""
    with replacing(path) as temporary:
        in_float32(model.generator).save(temporary)
        write_metadata(
            temporary,
            ModelMetadata(
                sample_rate=corpus.sample_rate,
                window=config.window,
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
    """The run's configuration and plan: what is given, and of a run that is resumed, its own.

    Raises:
        InputError: when what is given contradicts the run in the folder.
    """
    if not resume:
        if config is None:
            raise InputError(f"no configuration for the run in {folder.path}; give one")
        return resolve(config), Plan.begin(config, **given)
    kept, facts = folder.read()
    if config is not None:
        config = resolve(config, kept.training.precision).in_order(kept.generator.subpixel)
        check_same(folder.path, dataclasses.asdict(kept), dataclasses.asdict(config), RESUME_ADVICE)
    if facts["corpus_sha256"] != corpus.checksum:
        raise InputError(
            f"{folder.path} was trained on {facts['corpus']} ({facts['corpus_sha256'][:12]}), not "
            f"on {corpus.folder} ({corpus.checksum[:12]}); resume it with the corpus as it was, or "
            "begin another run with another --run"
        )
    return kept, folder.resume(facts, **given)


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
    """Train a generator; the run folder holds everything that made it.

    What can be checked is checked before anything is written or trained. Of a run's processes only
    the chief writes; all of them read in the folder what is continued.

    Args:
        config: what to build and how to train it; ``None`` resumes the run with its own.
        corpus: the pairs.
        run: the run's folder.
        steps: generator updates, instead of the configuration's epochs.
        resume: continue the run in the folder, exactly where it was. What is not given is as the
            folder says; what is given must be the same.
        overwrite: begin anew where the folder holds a run; all that this made is removed.
        autoencoder: a trained one for the feature loss, which the folder keeps a copy of; trained
            first where none is given.
        autoencoder_steps: steps of that training, two updates each; 1000 by default.
        warm_start: a ``.keras`` generator whose weights are the start, and whose order of subpixel
            layers the run has; the folder keeps a copy.
        monitor: the validation log whose best epoch gives ``generator.keras``; ``"val_snr"`` by
            default, which is better higher, as everything else is better lower.
        licence: of the weights, for the model's metadata.
        callbacks: further Keras callbacks.
        devices: where the run computes (``devices.choose``), each on its part of a batch.

    Raises:
        InputError: when the configuration does not fit together or to the folder.
        Diverged: when a loss is not a number.
        Interrupted: after Ctrl-C, with the state saved.
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
    continued = resume and folder.checkpoint.is_file()
    if devices.any(continued) != continued:
        raise InputError(
            f"{folder.checkpoint} is not there, but another process of the run has one; "
            "give all of them the chief's folder"
        )
    progress = read_progress(folder.checkpoint) if continued else {"step": 0, "best": None}
    if progress["step"] >= total:
        console.print(f"{folder.path} has its {total} steps already")
        return folder
    with ExitStack() as stack:
        made = folder
        if not devices.chief:
            made = RunFolder(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        stack.enter_context(devices.scope())

        if resume:
            autoencoder, warm_start = folder.kept(plan)
        encoder, start = None, None
        if config.weights.feature and autoencoder is not None:
            encoder = load_autoencoder(autoencoder, config, corpus)
        if warm_start is not None and not continued:
            start, subpixel = _read_start(warm_start, corpus)
            config = config.in_order(subpixel)
        if start is not None or (config.weights.feature and encoder is None):
            check_networks(config, start, f"cannot start from {warm_start}")

        copies = {}
        if not resume:
            given = {made.autoencoder: encoder and autoencoder, made.start: warm_start}
            copies = {path: source.read_bytes() for path, source in given.items() if source}
            if devices.chief:
                folder.clear()
        made.path.mkdir(parents=True, exist_ok=True)
        config.save(made.config)
        for path, content in copies.items():
            with replacing(path) as temporary:
                temporary.write_bytes(content)
        write_text(made.facts, json.dumps(_facts(corpus, plan, devices), indent=2) + "\n")

        if config.weights.feature and encoder is None:
            console.print(f"pretraining the autoencoder for {plan.autoencoder_steps} steps")
            encoder = train_autoencoder(
                config, corpus, made.autoencoder, plan.autoencoder_steps, devices=devices
            )
        keras.utils.set_random_seed(settings.seed)
        model = build_model(config, total, encoder)
        if start is not None:
            model.generator.set_weights(start)
        best = BestGenerator(
            lambda: save_generator(
                model, made.generator, config, corpus, steps_made(model), plan.licence
            ),
            AveragedWeights(),
            plan.monitor,
            progress["best"],
        )
        checkpoint = Checkpoint(
            made.checkpoint,
            best,
            progress["step"],
            folder.checkpoint if continued else None,
            in_any=devices.any,
        )
        _fit(model, config, corpus, made, total, best, checkpoint, callbacks, devices)
    return folder


def _checksum(path: Path) -> str:
    try:
        return checksum(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give a .keras file") from error


def _read_start(path: Path, corpus: Corpus) -> tuple[list[np.ndarray], str | None]:
    """The weights of a generator to start from, and its order as the configuration has it."""
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
    everything = [
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

    def fit(epoch: int, epochs: int, into: int = 0) -> None:
        model.fit(
            devices.training(
                corpus,
                config.window,
                windows,
                seed=settings.seed,
                start=(epoch * per_epoch + into) * windows,
            ),
            initial_epoch=epoch,
            epochs=epochs,
            steps_per_epoch=per_epoch - into,
            validation_data=validation,
            validation_steps=validation_steps,
            callbacks=everything,
            shuffle=False,
            verbose=0,
        )

    epoch, into = divmod(step, per_epoch)
    epochs = -(-total // per_epoch)
    try:
        if into:
            fit(epoch, epoch + 1, into)
            epoch += 1
        if epoch < epochs and not model.stop_training:
            fit(epoch, epochs)
    finally:
        bar.close()
        checkpoint.close()
