"""A whole training run in a folder of its own, from a configuration and a corpus."""

import json
import platform
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from tfaudiogan._version import __version__
from tfaudiogan.config import Config
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.inference.metadata import ModelMetadata, write_metadata
from tfaudiogan.models import LINKED_CHANNELS, build_autoencoder, is_spectral
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
from tfaudiogan.runs.devices import ONE_DEVICE, Devices, check_batch
from tfaudiogan.storage import replacing, write_text
from tfaudiogan.training.autoencoder import AutoencoderTrainer
from tfaudiogan.training.build import build_model, build_optimizer, windows_per_step


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what it makes."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def facts(self) -> Path:
        return self.path / "run.json"

    @property
    def history(self) -> Path:
        return self.path / "history.csv"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.npz"

    @property
    def generator(self) -> Path:
        return self.path / "generator.keras"

    @property
    def autoencoder(self) -> Path:
        return self.path / "autoencoder.keras"

    @property
    def report(self) -> Path:
        return self.path / "report"


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
        autoencoder.save(temporary)
    return autoencoder


def load_autoencoder(path: Path, window: int):
    """Read what ``train_autoencoder`` wrote.

    Raises:
        InputError: when it is no such file, or for another window.
    """
    import tfaudiogan.models  # noqa: F401  (registers the layers)

    try:
        autoencoder = keras.models.load_model(path, compile=False)
        shape = autoencoder.encoder.input_shape
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{path} is not an autoencoder of tfaudiogan") from error
    if shape[1] not in (None, window):
        raise InputError(
            f"{path} is for windows of {shape[1]} samples, not {window}; train another"
        )
    return autoencoder


def save_generator(
    model, path: Path, config: Config, corpus: Corpus, steps: int, licence: str = ""
) -> None:
    """Write the generator alone, with its metadata."""
    with replacing(path) as temporary:
        model.generator.save(temporary)
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


def _facts(corpus: Corpus, steps: int, devices: Devices) -> dict:
    return {
        "corpus": str(corpus.folder),
        "corpus_sha256": corpus.checksum,
        "task": corpus.task,
        "sample_rate": corpus.sample_rate,
        "steps": steps,
        "devices": devices.replicas,
        "versions": {
            "tfaudiogan": __version__,
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def _check_same(folder: RunFolder, config: Config, facts: dict) -> None:
    before = Config.load(folder.config)
    if before != config:
        changed = [name for name, value in vars(config).items() if value != getattr(before, name)]
        raise InputError(
            f"{folder.path} was made with another {', '.join(changed)} "
            f"(see {folder.config.name}); resume with the same, or give another --run"
        )
    if json.loads(folder.facts.read_text())["corpus_sha256"] != facts["corpus_sha256"]:
        raise InputError(
            f"{folder.path} was trained on another corpus than {facts['corpus']}; "
            "give the same --data, or another --run"
        )


def train(
    config: Config,
    corpus: Corpus,
    run: Path | str,
    *,
    steps: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    autoencoder: Path | str | None = None,
    autoencoder_steps: int = 1000,
    warm_start: Path | str | None = None,
    monitor: str = "val_snr",
    licence: str = "",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    devices: Devices = ONE_DEVICE,
) -> RunFolder:
    """Train a generator; the run folder holds everything that made it.

    Of a run's processes only the chief writes there; all of them read there what is continued.

    Args:
        config: what to build and how to train it.
        corpus: the pairs.
        run: the run's folder.
        steps: generator updates, instead of the configuration's epochs.
        resume: continue the run in the folder, exactly where it was.
        overwrite: begin anew where the folder holds a run.
        autoencoder: a trained one for the feature loss; trained first where none is given.
        autoencoder_steps: steps of that training, two updates each.
        warm_start: a ``.keras`` generator whose weights are the start.
        monitor: the log whose best epoch gives ``generator.keras``.
        licence: of the weights, for the model's metadata.
        callbacks: further Keras callbacks.
        devices: where the run computes (``distribution.choose``), each on its part of a batch.

    Raises:
        InputError: when the configuration does not fit together or to the folder.
        Diverged: when a loss is not a number.
        Interrupted: after Ctrl-C, with the state saved.
    """
    folder = RunFolder(Path(run))
    settings = config.training
    total = settings.epochs * settings.steps_per_epoch if steps is None else steps
    if total < 1 or settings.batch < 1:
        raise InputError(f"{total} steps of {settings.batch} windows; expected 1 or more of both")
    check_batch(settings.batch, devices)
    facts = _facts(corpus, total, devices)
    continued = resume and folder.checkpoint.is_file()
    if devices.any(continued) != continued:
        raise InputError(
            f"{folder.checkpoint} is not there, but another process of the run has one; "
            "give all of them the chief's folder"
        )
    if continued:
        _check_same(folder, config, facts)
    elif folder.checkpoint.is_file() and not overwrite:
        raise InputError(
            f"{folder.path} holds a run already; continue it with --resume, "
            "replace it with --overwrite, or give another --run"
        )
    progress = read_progress(folder.checkpoint) if continued else {"step": 0, "best": None}
    if progress["step"] >= total:
        console.print(f"{folder.path} has its {total} steps already")
        return folder
    with ExitStack() as stack:
        made = folder
        if not devices.chief:
            made = RunFolder(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        made.path.mkdir(parents=True, exist_ok=True)
        config.save(made.config)
        write_text(made.facts, json.dumps(facts, indent=2) + "\n")

        stack.enter_context(devices.scope())
        encoder = None
        if config.weights.feature:
            if autoencoder is None and folder.autoencoder.is_file():
                autoencoder = folder.autoencoder
            if autoencoder is not None:
                encoder = load_autoencoder(Path(autoencoder), config.window)
            else:
                console.print(f"pretraining the autoencoder for {autoencoder_steps} steps")
                encoder = train_autoencoder(
                    config, corpus, made.autoencoder, autoencoder_steps, devices=devices
                )

        keras.utils.set_random_seed(settings.seed)
        model = build_model(config, total, encoder)
        if warm_start is not None and not continued:
            _warm_start(model.generator, Path(warm_start))
        best = BestGenerator(
            lambda: save_generator(
                model, made.generator, config, corpus, steps_made(model), licence
            ),
            AveragedWeights(),
            monitor,
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


def _warm_start(generator, path: Path) -> None:
    import tfaudiogan.models  # noqa: F401  (registers the layers)

    try:
        source = keras.models.load_model(path, compile=False)
        generator.set_weights(source.get_weights())
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"cannot start from {path}: it is not a generator of this configuration"
        ) from error


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
