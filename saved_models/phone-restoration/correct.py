"""Train the correction of phone-restoration's static equalizer, after the rest of its network.

    python saved_models/phone-restoration/correct.py CORPUS [CORPUS ...] --start MODEL --out MODEL

The correction is a curve of log gains through third octaves, the same in all frames. It is computed
from statistics of a fine spectrum (`ThirdOctaveStatistics1D`) and from the mean gains of the
network that is there already, which keeps its weights. What such a curve does to an excerpt's
SI-SDR and mel distance follows from sums over the frames. They are computed once for each
excerpt and kept in a cache, so that training takes minutes. The corpora are those of `train.py`;
a corpus that is given twice is drawn twice as often. The same seed gives the same weights.
"""

import dataclasses
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import tensorflow as tf
import typer
from bands import FRAMES, N_FFT, WIDTHS, WINDOW, bands_of, center_of

from tfaudiogan.commands.running import run
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.inference.load import load_keras
from tfaudiogan.inference.metadata import read_metadata, write_metadata
from tfaudiogan.layers import Epilogue1D
from tfaudiogan.layers.cpu.fused import fusing
from tfaudiogan.layers.spectral_gain import MAX_LOG_GAIN
from tfaudiogan.models import build_spectral_generator, with_abstention
from tfaudiogan.models.spectral_generator import MASK
from tfaudiogan.progress import console, progress_bar
from tfaudiogan.storage import checksum, replacing
from train import (
    DECIBELS,
    ENOUGH,
    FLOOR,
    MELS,
    REPLICATION,
    Abstention,
    band_network,
    check_abstention,
    load_corpus,
    relation,
    with_copies,
)

app = typer.Typer(add_completion=False)

FINE_N_FFT = 16_384
BATCH = 64
MEASURED_AT_ONCE = 8
LAYERS = ("correction_1", "correction_2", "correction")
INPUT_NOISE = 0.15
DROPOUT = 0.15
WEIGHT_DECAY = 1e-3
LEARNING_RATE = 1e-3
LIMIT = 5.0
"""Standard deviations at which the inputs of the correction are clipped in training."""

SUMS = ("product", "power", "input_product", "input_power", "target_power", "log_gains", "ratios")

QUANTILES = np.arange(FRAMES // 16, FRAMES, FRAMES // 8)
"""Frames, in order of the ratio of target to output, that stand for all frames."""

MEL = MELS[0] / MELS[0].sum(axis=0)
"""Share of each band in each mel band, ``(BANDS, mel bands)``."""


def new_generator() -> keras.Model:
    """Return a generator with a correction, which is zero before training."""
    return build_spectral_generator(
        WINDOW, n_fft=N_FFT, replication=REPLICATION, fine_n_fft=FINE_N_FFT
    )


def with_correction(start: keras.Model) -> keras.Model:
    """Return a generator with the weights of ``start``, and a correction of zero.

    Raises:
        InputError: if ``start`` has another network.
    """
    generator = new_generator()
    try:
        band_network(generator).set_weights(band_network(start).get_weights())
    except ValueError as error:
        raise InputError(
            "the generator of --start has another network; give one that train.py wrote"
        ) from error
    return generator


def sums_of(network: keras.Model, bands: tf.Tensor) -> list[tf.Tensor]:
    """Return the excerpts' ``SUMS``.

    They are, each ``(excerpts, BANDS)``, the product with the target and the power, after the
    network and before it; the power of the target; and the mean log gains of the network over the
    frames. The last are the log ratios of target and output in mel bands, of some of the frames,
    ``(excerpts, QUANTILES, mel bands)``.
    """
    logarithms = tf.cast(bands, tf.float32)
    powers, target = tf.exp(logarithms[:, 0]), tf.exp(logarithms[:, 1])
    product = logarithms[:, 2] * tf.sqrt(powers * target)
    log_gains, log_levels = (
        tf.cast(values, tf.float32) for values in network(powers, training=False)
    )
    gains = tf.exp(limited(log_gains))
    output = powers * gains * gains
    totals = [product * gains, output, product, powers, target]
    sums = [WIDTHS * tf.reduce_sum(total, 1) for total in totals]
    ratios = tf.math.log(tf.matmul(target, MELS[0]) + FLOOR)
    ratios -= tf.math.log(tf.matmul(with_copies(output, log_levels), MELS[0]) + FLOOR)
    ratios = tf.gather(tf.sort(ratios, axis=1), QUANTILES, axis=1)
    return [*sums, tf.reduce_mean(log_gains, 1), ratios]


def limited(log_gains: tf.Tensor) -> tf.Tensor:
    """Return the log gains that ``SpectralGain1D`` makes of its inputs."""
    return MAX_LOG_GAIN * tf.tanh(log_gains / MAX_LOG_GAIN)


def si_sdr_of(product: tf.Tensor, power: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Return the SI-SDR in dB as ``train.measures`` does, from sums over the frames."""
    target_sum = tf.reduce_sum(target, 1) + 1e-3
    scaled = tf.square(tf.reduce_sum(product, 1)) / target_sum
    error = tf.nn.relu(tf.reduce_sum(power, 1) - scaled) + ENOUGH * scaled + 1e-4
    return DECIBELS * (tf.math.log(scaled + 1e-4) - tf.math.log(error))


class Measurer:
    """Measures what the correction is trained from, and keeps it in a folder."""

    def __init__(self, generator: keras.Model, name: str, cache: Path) -> None:
        mask = generator.get_layer(MASK)
        network = band_network(generator)
        power = keras.Model(generator.inputs, generator.get_layer("fine_power").output)
        statistics, samples = mask.get_layer("fine_statistics"), mask.get_layer("equalizer")
        self.sums = tf.function(lambda bands: sums_of(network, bands))
        self.statistics = tf.function(lambda signals: statistics(power(signals))[:, 0])
        self.samples = lambda log_gains: samples(log_gains[:, np.newaxis])[:, 0]
        self.name, self.cache = name, cache

    def __call__(self, corpus: Corpus) -> dict[str, np.ndarray]:
        """Return the ``SUMS`` of each training excerpt, and the ``inputs`` of the correction."""
        path = self.cache / f"{corpus.checksum[:16]}-{self.name}.npz"
        if not path.is_file():
            measured = self._measure(corpus)
            with replacing(path) as temporary, temporary.open("wb") as stream:
                np.savez(stream, **measured)
        with np.load(path) as measured:
            return dict(measured)

    def _measure(self, corpus: Corpus) -> dict[str, np.ndarray]:
        bands, _ = bands_of(corpus, self.cache)
        pairs = [pair for pair in corpus.split("train") if pair.samples >= WINDOW]
        sums, statistics = [], []
        with progress_bar() as progress, fusing():
            bar = progress.add_task(f"Sums of {corpus.folder}", total=len(pairs), status="")
            for first in range(0, len(pairs), MEASURED_AT_ONCE):
                some = slice(first, first + MEASURED_AT_ONCE)
                sums.append(self.sums(bands[some]))
                signals = [center_of(corpus, pair)[0] for pair in pairs[some]]
                statistics.append(self.statistics(np.stack(signals)[..., np.newaxis]))
                progress.update(bar, completed=first + len(signals))
        columns = [np.concatenate(column) for column in zip(*sums, strict=True)]
        measured = dict(zip(SUMS, columns, strict=True))
        equalizer = self.samples(measured["log_gains"])
        measured["inputs"] = np.concatenate([np.concatenate(statistics), equalizer], axis=1)
        return measured


def new_network(inputs: int, width: int, outputs: int) -> keras.Model:
    """Return the generator's network for the correction, with noise and dropout for training."""
    x = given = keras.Input((1, inputs))
    x = keras.layers.GaussianNoise(INPUT_NOISE)(x)
    for name in LAYERS[:2]:
        x = keras.layers.Dense(width, name=name)(x)
        x = Epilogue1D(name=f"{name}_epilogue")(x)
        x = keras.layers.Dropout(DROPOUT)(x)
    x = keras.layers.Dense(outputs, kernel_initializer="zeros", name=LAYERS[2])(x)
    return keras.Model(given, x)


class Trainer:
    """The correction's network, and its training on measured excerpts."""

    def __init__(self, generator: keras.Model, measured: dict[str, np.ndarray], seed: int) -> None:
        mask = generator.get_layer(MASK)
        self.mask, self.seed = mask, seed
        self.curve = mask.get_layer("correction_curve")
        width, outputs = mask.get_layer("correction_2").units, mask.get_layer("correction").units
        inputs = measured["inputs"]
        self.mean, self.deviation = inputs.mean(0), inputs.std(0) + 1e-2
        inputs = ((inputs - self.mean) / self.deviation).clip(-LIMIT, LIMIT)
        self.excerpts = [tf.constant(inputs), *(tf.constant(measured[name]) for name in SUMS)]
        self.network = new_network(inputs.shape[1], width, outputs)

    def train(self, epochs: int, advance) -> None:
        """Make all updates, and call ``advance`` with the loss after each epoch."""
        count = len(self.excerpts[0])
        batches = max(1, count // BATCH)
        schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * batches)
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY)
        variables = self.network.trainable_variables
        optimizer.build(variables)

        @tf.function
        def step(rows):
            excerpts = [tf.gather(values, rows) for values in self.excerpts]
            with tf.GradientTape() as tape:
                loss = self.loss(*excerpts)
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            return loss

        for epoch in range(epochs):
            order = np.random.default_rng([self.seed, epoch]).permutation(count)
            losses = [step(order[i * BATCH : (i + 1) * BATCH]) for i in range(batches)]
            advance(float(np.mean(losses)))

    def loss(self, inputs, product, power, input_product, input_power, target, log_gains, ratios):
        """Return the loss of ``train.py``, as far as it follows from sums over the frames."""
        correction = self.curve(self.network(inputs[:, tf.newaxis], training=True))[:, 0]
        correction = limited(log_gains + correction) - limited(log_gains)
        gains = tf.exp(correction)
        after = si_sdr_of(product * gains, power * gains * gains, target)
        before = si_sdr_of(input_product, input_power, target)
        worse = tf.nn.relu(before - after)
        distances = tf.abs(ratios - 2.0 * tf.matmul(correction, MEL)[:, tf.newaxis])
        mel = DECIBELS * tf.reduce_mean(distances, (1, 2))
        return tf.reduce_mean(relation(before) * (-0.1 * after + 0.12 * worse) + 0.16 * mel)

    def give_weights(self, gains: float = 1.0) -> None:
        """Write the trained weights into the generator, and scale all its log gains.

        The generator has no normalization of the correction's inputs, some of which are log gains.
        """
        for layer in self.network.layers:
            if layer.name.startswith("correction"):
                self.mask.get_layer(layer.name).set_weights(layer.get_weights())
        first = self.mask.get_layer(LAYERS[0])
        kernel, bias = first.get_weights()
        kernel /= self.deviation[:, np.newaxis]
        bias -= self.mean @ kernel
        kernel[-self.mask.get_layer("equalizer").output.shape[-1] :] /= gains
        first.set_weights([kernel, bias])
        for name in ("dynamic", "static", LAYERS[2]):
            layer = self.mask.get_layer(name)
            layer.set_weights([gains * weight for weight in layer.get_weights()])


@app.command()
def main(
    corpora: Annotated[list[Path], typer.Argument(help="Corpora of excerpts at 44.1 kHz.")],
    start: Annotated[Path, typer.Option(help="Generator whose equalizer is corrected.")],
    out: Annotated[Path, typer.Option(help="Generator to write (.keras).")],
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the excerpts.")] = 120,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    gains: Annotated[
        float,
        typer.Option(
            help="Factor by which the written generator scales all gains in dB, so that fewer "
            "recordings get worse."
        ),
    ] = 0.85,
    abstention: Abstention = None,
    cache: Annotated[
        Path, typer.Option(help="Folder in which the measured excerpts are kept.")
    ] = Path("runs/bands"),
) -> None:
    """Train the correction, and write the generator with it."""
    check_abstention(abstention)
    if not gains > 0:
        raise InputError(f"the factor of --gains is {gains:g}; expected more than 0")
    if out.suffix != ".keras":
        raise InputError(f"{out} does not end with .keras")
    loaded = [load_corpus(path) for path in corpora]
    keras.utils.set_random_seed(seed)
    generator = with_correction(load_keras(start))
    measurer = Measurer(generator, checksum(start)[:16], cache)
    parts = [measurer(corpus) for corpus in loaded]
    measured = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    trainer = Trainer(generator, measured, seed)
    with progress_bar() as progress:
        bar = progress.add_task("Training", total=epochs, status="")
        trainer.train(
            epochs, lambda loss: progress.update(bar, advance=1, status=f"loss {loss:.3f}")
        )
    trainer.give_weights(gains)
    before = read_metadata(start)
    metadata = dataclasses.replace(
        before,
        parameters=generator.count_params(),
        trained_on="; ".join([before.trained_on, *(corpus.description for corpus in loaded)]),
        data_sha256=" ".join([before.data_sha256, *(corpus.checksum for corpus in loaded)]),
    )
    with replacing(out) as temporary:
        with_abstention(generator, *(abstention or ())).save(temporary)
        write_metadata(temporary, metadata)
    console.print(f"wrote {out}")


if __name__ == "__main__":
    run(app, "correct.py")
