"""A whole training run in a folder of its own, from a configuration and a corpus."""

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from tfaudiogan._version import __version__
from tfaudiogan.config import Config
from tfaudiogan.data import crops
from tfaudiogan.data.corpus import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.metadata import ModelMetadata, write_metadata
from tfaudiogan.models import build_autoencoder
from tfaudiogan.progress import console
from tfaudiogan.storage import replacing, write_text
from tfaudiogan.training.autoencoder import AutoencoderTrainer
from tfaudiogan.training.build import build_model, build_optimizer, windows_per_step
from tfaudiogan.training.callbacks import (
    AveragedWeights,
    BestGenerator,
    Checkpoint,
    History,
    LossShares,
    ProgressBar,
    StopAtStep,
    StopOnDivergence,
)
from tfaudiogan.training.checkpoint import read_progress


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
):
    """Pretrain the autoencoder of the feature loss (section V-A) and save it as ``.keras``."""
    keras.utils.set_random_seed(config.training.seed)
    autoencoder = build_autoencoder(config.window, **vars(config.autoencoder))
    trainer = AutoencoderTrainer(autoencoder, frequency_weight, classifier_weight)
    trainer.compile(build_optimizer(config, config.optimizer.learning_rate, 2 * steps))
    epoch = min(steps, config.training.steps_per_epoch)
    bar = ProgressBar(steps, shown=("loss", "accuracy"))
    try:
        trainer.fit(
            crops.training(corpus, config.window, config.training.batch, seed=config.training.seed),
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
                task=corpus.task,
                preset=config.preset,
                trained_on=corpus.description,
                data_sha256=corpus.checksum,
                licence=licence,
                steps=steps,
                parameters=model.generator.count_params(),
            ),
        )


def _facts(corpus: Corpus, steps: int) -> dict:
    return {
        "corpus": str(corpus.folder),
        "corpus_sha256": corpus.checksum,
        "task": corpus.task,
        "sample_rate": corpus.sample_rate,
        "steps": steps,
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
) -> RunFolder:
    """Train a generator; the run folder holds everything that made it.

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
    facts = _facts(corpus, total)
    continued = resume and folder.checkpoint.is_file()
    if continued:
        _check_same(folder, config, facts)
    elif folder.checkpoint.is_file() and not overwrite:
        raise InputError(
            f"{folder.path} holds a run already; continue it with --resume, "
            "replace it with --overwrite, or give another --run"
        )
    folder.path.mkdir(parents=True, exist_ok=True)
    config.save(folder.config)
    write_text(folder.facts, json.dumps(facts, indent=2) + "\n")

    encoder = None
    if config.weights.feature:
        if autoencoder is not None:
            encoder = load_autoencoder(Path(autoencoder), config.window)
        elif folder.autoencoder.is_file():
            encoder = load_autoencoder(folder.autoencoder, config.window)
        else:
            console.print(f"pretraining the autoencoder for {autoencoder_steps} steps")
            encoder = train_autoencoder(config, corpus, folder.autoencoder, autoencoder_steps)

    keras.utils.set_random_seed(settings.seed)
    model = build_model(config, total, encoder)
    if warm_start is not None and not continued:
        _warm_start(model.generator, Path(warm_start))

    step = read_progress(folder.checkpoint)["step"] if continued else 0
    if step >= total:
        console.print(f"{folder.path} has its {total} steps already")
        return folder
    _fit(model, config, corpus, folder, total, step, monitor, licence, callbacks)
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


def _fit(model, config, corpus, folder, total, step, monitor, licence, callbacks) -> None:
    settings = config.training
    per_epoch = min(settings.steps_per_epoch, total)
    windows = windows_per_step(config, model)
    data = crops.training(corpus, config.window, windows, seed=settings.seed, start=step * windows)
    validation = crops.grid(
        corpus, "validation", config.window, settings.batch, limit=settings.validation_windows
    )
    averaged = AveragedWeights()
    continued = step > 0
    best = BestGenerator(
        lambda: save_generator(
            model, folder.generator, config, corpus, int(model.optimizer.iterations), licence
        ),
        averaged,
        monitor,
        read_progress(folder.checkpoint)["best"] if continued else None,
    )
    bar = ProgressBar(total, step)
    checkpoint = Checkpoint(folder.checkpoint, best, step, folder.checkpoint if continued else None)
    everything = [
        averaged,
        bar,
        StopOnDivergence(),
        StopAtStep(total, step),
        LossShares(),
        *callbacks,
        History(folder.history, step // per_epoch),
        best,
        checkpoint,
    ]
    epoch, into = divmod(step, per_epoch)
    epochs = -(-total // per_epoch)
    try:
        if into:
            model.fit(
                data,
                initial_epoch=epoch,
                epochs=epoch + 1,
                steps_per_epoch=per_epoch - into,
                validation_data=validation,
                callbacks=everything,
                shuffle=False,
                verbose=0,
            )
            epoch += 1
            data = crops.training(
                corpus,
                config.window,
                windows,
                seed=settings.seed,
                start=epoch * per_epoch * windows,
            )
        if epoch < epochs and not model.stop_training:
            model.fit(
                data,
                initial_epoch=epoch,
                epochs=epochs,
                steps_per_epoch=per_epoch,
                validation_data=validation,
                callbacks=everything,
                shuffle=False,
                verbose=0,
            )
    finally:
        bar.close()
        checkpoint.close()
