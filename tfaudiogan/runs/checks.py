"""Checks of a run's arguments, made before its training begins."""

from collections.abc import Sequence
from pathlib import Path

from tfaudiogan.config import SPECTRUM_WINDOW, Config
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError


def check_monitor(config: Config, monitor: str) -> None:
    """Raise InputError unless ``monitor`` is one of the run's validation logs."""
    known = ["val_snr", "val_lsd", "val_loss"]
    if config.window < SPECTRUM_WINDOW:
        known.remove("val_lsd")
    known += [f"val_{name}" for name in config.weights.active()]
    if monitor not in known:
        raise InputError(
            f"cannot monitor {monitor!r}; this run's validation logs {', '.join(known)}"
        )


def check_splits(
    corpus: Corpus, window: int, splits: Sequence[str], batch: int = 1, replicas: int = 1
) -> None:
    """Raise InputError unless each split has windows, and validation one for each replica."""
    from tfaudiogan import crops

    for split in splits:
        if split == "train":
            crops.training(corpus, window, batch)
        else:
            multiple = replicas if split == "validation" else 1
            crops.grid(corpus, split, window, batch, limit=replicas, multiple=multiple)


def extends(run: Path, config: Config, made: int, steps: int | None, advice: str) -> bool:
    """Return whether ``steps`` are more than the run was made with.

    Raises:
        InputError: If they are and would change the steps before them.
    """
    if steps is None or steps <= made:
        return False
    if config.optimizer.schedule == "cosine":
        raise InputError(
            f"{run} was made with steps {made}, over which its learning rate falls to zero, so it "
            f"cannot be extended; {advice}"
        )
    return True


def check_sample_rate(path: Path, corpus: Corpus) -> None:
    """Raise InputError if the model's metadata has another sample rate than the corpus."""
    from tfaudiogan.inference.metadata import read_metadata

    try:
        rate = read_metadata(path).sample_rate
    except InputError:  # A Keras model from another program has no metadata.
        return
    if rate != corpus.sample_rate:
        raise InputError(
            f"{path} is for {rate} Hz and {corpus.folder} is at {corpus.sample_rate} Hz; "
            "give a model for the corpus's sample rate"
        )
