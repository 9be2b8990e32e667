"""Whether a run can end well, known before anything of it is trained."""

from collections.abc import Sequence
from pathlib import Path

from tfaudiogan.config import SPECTRUM_WINDOW, Config
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError


def check_monitor(config: Config, monitor: str) -> None:
    """Raise InputError unless ``monitor`` is a log that the run's validation gives."""
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
    """Raise InputError unless each split gives windows, and validation one to each replica."""
    from tfaudiogan import crops

    for split in splits:
        if split == "train":
            crops.training(corpus, window, batch)
        else:
            multiple = replicas if split == "validation" else 1
            crops.grid(corpus, split, window, batch, limit=replicas, multiple=multiple)


def check_sample_rate(path: Path, corpus: Corpus) -> None:
    """Raise InputError when a model says that it is for another sample rate than the corpus."""
    from tfaudiogan.inference.metadata import read_metadata

    try:
        rate = read_metadata(path).sample_rate
    except InputError:  # a Keras model from elsewhere, which does not say
        return
    if rate != corpus.sample_rate:
        raise InputError(
            f"{path} is for {rate} Hz and {corpus.folder} is at {corpus.sample_rate} Hz; "
            "give a model of the corpus's sample rate"
        )
