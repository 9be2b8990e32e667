"""TensorBoard logs: curves, and excerpts to listen to and look at while the generator learns."""

from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np

from tfaudiogan import crops
from tfaudiogan.audio.spectrogram import centered_spectrogram
from tfaudiogan.audio.windows import overlap_add, split_windows
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.runs.callbacks import AveragedWeights

FOLDER = "tensorboard"
FLOOR_DB = -80.0
_BATCH = 16


def tensorboard_callbacks(
    run_folder: Path | str,
    corpus: Corpus,
    window: int,
    *,
    excerpts: int = 3,
    seconds: float = 3.0,
    every_epochs: int = 5,
) -> list[keras.callbacks.Callback]:
    """Make the callbacks that log a run to ``run_folder/tensorboard``.

    ``tensorboard --logdir RUN/tensorboard`` shows the logs.

    Args:
        run_folder: Folder of the run.
        corpus: Corpus whose validation split the excerpts are taken from. They are the same for
            every run.
        window: Number of samples that the generator takes.
        excerpts: Number of excerpts.
        seconds: Length of each excerpt. It is reduced to the longest track if that is shorter.
        every_epochs: Number of epochs between two logs of the excerpts, after the first epoch.

    Raises:
        InputError: If TensorBoard, or TensorFlow, which writes the files, is not installed.
    """
    missing = [name for name in ("tensorflow", "tensorboard") if not _installed(name)]
    if missing:
        raise InputError(
            f"--tensorboard needs {' and '.join(missing)}, which is not installed; "
            f"pip install {' '.join(missing)}, or train without --tensorboard"
        )
    folder = Path(run_folder) / FOLDER
    return [
        keras.callbacks.TensorBoard(folder, write_graph=False),
        ExcerptSummaries(folder, corpus, window, excerpts, seconds, every_epochs),
    ]


class ExcerptSummaries(keras.callbacks.Callback):
    """Logs fixed validation excerpts as audio and as spectrograms.

    The inputs and targets are logged once. The generated excerpts are logged every few epochs: they
    are made by overlap-add, with the averaged weights if the run validates with them. The
    spectrograms of input, generated and target are stacked in this order.

    Args:
        folder: Folder of the logs.
        corpus, window, excerpts, seconds, every_epochs: See ``tensorboard_callbacks``.
    """

    def __init__(
        self,
        folder: Path,
        corpus: Corpus,
        window: int,
        excerpts: int = 3,
        seconds: float = 3.0,
        every_epochs: int = 5,
    ) -> None:
        super().__init__()
        if every_epochs < 1:
            raise ValueError(f"every_epochs is {every_epochs}; expected 1 or more")
        self._folder, self._window, self._every = Path(folder), window, every_epochs
        self._rate = corpus.sample_rate
        longest = max(pair.samples for pair in corpus.split("validation"))
        samples = max(window, min(round(seconds * self._rate), longest))
        batch = next(iter(crops.training(corpus, samples, excerpts, split="validation")))
        self._inputs, self._targets = (np.asarray(side)[..., 0] for side in batch)
        self._writer = None

    def on_train_begin(self, logs=None) -> None:
        import tensorflow as tf

        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self._folder / "excerpts"))
            for number in range(len(self._inputs)):
                self._audio(f"excerpt {number}/input", self._inputs[number], 0)
                self._audio(f"excerpt {number}/target", self._targets[number], 0)

    def on_epoch_end(self, epoch, logs=None) -> None:
        import tensorflow as tf

        if epoch and (epoch + 1) % self._every:
            return
        averaged = AveragedWeights()
        averaged.set_model(self.model)
        averaged.swap_in()
        try:
            outputs = [self._generate(inputs) for inputs in self._inputs]
        finally:
            averaged.swap_out()
        for number, (inputs, generated, target) in enumerate(
            zip(self._inputs, outputs, self._targets, strict=True)
        ):
            self._audio(f"excerpt {number}/generated", generated, epoch)
            picture = _picture([inputs, generated, target])
            with self._writer.as_default(epoch):
                tf.summary.image(f"excerpt {number}: input, generated, target", picture)
        self._writer.flush()

    def _generate(self, audio: np.ndarray) -> np.ndarray:
        windows = split_windows(audio, self._window)
        for start in range(0, len(windows), _BATCH):
            batch = windows[start : start + _BATCH, :, None]
            generated = self.model.generator(batch, training=False)
            windows[start : start + _BATCH] = keras.ops.convert_to_numpy(generated)[..., 0]
        return overlap_add(windows, len(audio))

    def _audio(self, name: str, audio: np.ndarray, epoch: int) -> None:
        import tensorflow as tf

        with self._writer.as_default(epoch):
            tf.summary.audio(name, np.clip(audio, -1, 1)[None, :, None], self._rate)


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:
        return False


def _picture(signals: list[np.ndarray], n_fft: int = 512) -> np.ndarray:
    """Stack spectrograms into one image on one scale, ``(1, height, frames, 3)`` uint8."""
    import matplotlib

    powers = [centered_spectrogram(audio, n_fft) for audio in signals]
    levels = [10 * np.log10(np.maximum(power, 1e-12)) for power in powers]
    peak = max(level.max() for level in levels)
    line = np.ones((3, levels[0].shape[1]))
    shades = [np.clip((level[::-1] - peak - FLOOR_DB) / -FLOOR_DB, 0, 1) for level in levels]
    stacked = np.concatenate([part for shade in shades for part in (shade, line)][:-1])
    colors = matplotlib.colormaps["magma"](stacked)[..., :3]
    return np.rint(255 * colors).astype(np.uint8)[None]
