"""Train phone-restoration: a spectral generator on the spectra themselves.

    python saved_models/phone-restoration/train.py CORPUS [CORPUS ...] --out runs/restoration

The generator's output is a spectrum times a gain, plus copies of an octave of it in the bands
above, so the loss is computed on spectra. No signal is synthesized during training, which makes a
step several times as fast as with `tfaudiogan train` on the same network. The corpora are of
excerpts, made by `tfaudiogan render --task phone --excerpts N --seconds 6`. `--start` begins with
the weights of an earlier generator, with or without copies. The same command continues an
interrupted run, and the same seed gives the same batches.
"""

import json
import math
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import tensorflow as tf
import typer

from tfaudiogan.audio.spectra import mel_filters
from tfaudiogan.corpus.manifest import Pair
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.inference.metadata import ModelMetadata, write_metadata
from tfaudiogan.layers import BandReplication1D, SpectralGain1D
from tfaudiogan.models import build_spectral_generator
from tfaudiogan.models.spectral_generator import LINKED_CHANNELS, MASK, hop_of
from tfaudiogan.progress import console, progress_bar
from tfaudiogan.storage import replacing

N_FFT = 2048
HOP = N_FFT // 2
FRAMES = 256
WINDOW = (FRAMES - 1) * HOP
SAMPLE_RATE = 44_100
BATCH = 16
WARMUP_STEPS = 200
MOMENTUM = 0.998
GAINS = 0.95
"""Factor by which the saved generator scales its gains in dB, so fewer recordings get worse."""

START_GAINS = 0.85
"""That factor of the generator with which training starts, which was the previous release."""

START_SHARE = 0.2
"""Share of the weights of that generator in the saved weights (Wortsman et al. 2022): more of what
it was trained on stays."""

REPLICATION = 160
"""First bin of the copies: the octave from 1.7 to 3.4 kHz is copied to everything above it."""

FIRST_LEVEL = 4.0
"""Initial logarithm of the copies' level, -43 dB. At 0, an empty band has no gradient."""

SAVE_EVERY = 250

NEPERS = math.log(10.0) / 20.0
DECIBELS = 10.0 / math.log(10.0)
FLOOR = 1e-8
ENOUGH = 1e-3
"""Share of the target's power (-30 dB) below which an error has less and less weight."""

OCTAVES = np.arange(np.log2(30.0), np.log2(SAMPLE_RATE / 2) + 1.0)
FREQUENCIES = np.arange(HOP + 1) * (SAMPLE_RATE / N_FFT)
INTERPOLATION = np.stack(
    [
        np.interp(np.log2(np.maximum(FREQUENCIES, 31.0)), OCTAVES, row)
        for row in np.eye(len(OCTAVES))
    ]
).astype(np.float32)
MELS = [mel_filters(bands, N_FFT, SAMPLE_RATE) for bands in (64, 160)]
ANALYSIS = (np.sin(np.pi * np.arange(N_FFT) / N_FFT) / math.sqrt(N_FFT / 2)).astype(np.float32)


class Excerpts:
    """Batches of excerpts; batch ``i`` is a function of the corpus, the seed and ``i`` alone.

    Each excerpt has parameters for the augmentation of its spectra: an equalizer for both sides, an
    equalizer for the input if the pair is altered at all, a change of level, and silence before or
    after it, as at the ends of a recording.
    """

    def __init__(self, corpora: list[Corpus], seed: int) -> None:
        self.seed = seed
        self.pairs: list[tuple[Corpus, Pair]] = [
            (corpus, pair)
            for corpus in corpora
            for pair in corpus.split("train")
            if pair.samples >= WINDOW
        ]

    def dataset(self, steps: range) -> tf.data.Dataset:
        """Return the batches of these steps, prepared ahead of training."""
        octaves = tf.TensorSpec((BATCH, len(OCTAVES)), tf.float32)
        signature = (
            tf.TensorSpec((BATCH, 2, WINDOW), tf.float32),
            octaves,
            octaves,
            tf.TensorSpec((BATCH, 1), tf.float32),
            tf.TensorSpec((BATCH, 1), tf.float32),
            tf.TensorSpec((BATCH, FRAMES), tf.float32),
        )
        return tf.data.Dataset.from_generator(
            lambda: map(self.batch, steps), output_signature=signature
        ).prefetch(2)

    def batch(self, step: int) -> tuple[np.ndarray, ...]:
        """Return what ``Trainer.step`` takes.

        These are the signals ``(batch, 2, WINDOW)``, gains in dB, the first bin that the device
        removes, and a mask of the sounding frames.
        """
        rng = np.random.default_rng([self.seed, step])
        pairs = [self.pairs[i] for i in rng.integers(len(self.pairs), size=BATCH)]
        signals = np.empty((BATCH, 2, WINDOW), np.float32)
        for row, (corpus, pair) in zip(signals, pairs, strict=True):
            start = int(rng.integers(pair.samples - WINDOW + 1))
            row[:] = corpus.read(pair, start, start + WINDOW)
        altered = np.array([pair.altered for _, pair in pairs])[:, np.newaxis]
        octaves = (BATCH, len(OCTAVES))
        both_db = rng.normal(0.0, 1.5, octaves) * (rng.random((BATCH, 1)) < 0.5)
        device_db = rng.normal(0.0, 1.0, octaves) * rng.choice([2.0, 4.0, 6.0], (BATCH, 1))
        device_db *= altered & (rng.random((BATCH, 1)) < 0.35)
        level_db = rng.normal(0.0, 1.0, (BATCH, 1))
        removed = np.geomspace(REPLICATION, HOP, 1001)[rng.integers(1001, size=(BATCH, 1))]
        removed[~altered | (rng.random((BATCH, 1)) > 0.1)] = HOP + 1
        sounding = np.ones((BATCH, FRAMES), np.float32)
        for index in np.flatnonzero(rng.random(BATCH) < 0.4):
            sounding[index, : int(rng.integers(20, 150))] = 0.0
        flip = rng.random(BATCH) < 0.5
        sounding[flip] = sounding[flip, ::-1]
        gains = [np.float32(x) for x in (both_db, both_db + device_db, level_db, removed)]
        return signals, *gains, sounding


def spectra(signals):
    """Return ``Spectrum1D`` of ``(batch, 2, WINDOW)``: complex ``(batch, 2, FRAMES, bins)``."""
    padded = tf.pad(tf.reshape(signals, (-1, WINDOW)), [[0, 0], [HOP, HOP]])
    transformed = tf.signal.stft(padded, N_FFT, HOP, window_fn=lambda *_, **__: ANALYSIS)
    return tf.reshape(transformed, (-1, 2, FRAMES, HOP + 1))


@tf.function(jit_compile=True)
def augment(real, imaginary, both_db, input_db, level_db, removed, sounding):
    """Apply an excerpt's gains and bring each side back to the common level of -20 dBFS."""
    sides = []
    nothing, everything = 0.0 * level_db, 0.0 * removed + HOP + 1
    for side, gain_db, extra_db, end in (
        (0, input_db, level_db, removed),
        (1, both_db, nothing, everything),
    ):
        gain = tf.exp(NEPERS * tf.matmul(gain_db, INTERPOLATION))
        gain = tf.where(tf.range(HOP + 1.0) < end, gain, 1e-4 * gain)[:, tf.newaxis]
        gain *= sounding[..., tf.newaxis]
        re, im = real[:, side] * gain, imaginary[:, side] * gain
        power = tf.reduce_mean(re * re + im * im, axis=-1)
        heard = tf.cast(power > 1e-6, tf.float32)
        mean = (tf.reduce_sum(heard * power, 1) + 1e-5) / (tf.reduce_sum(heard, 1) + 1e-3)
        level = tf.sqrt(1e-2 / mean) * tf.exp(NEPERS * extra_db[:, 0])
        sides += [re * level[:, tf.newaxis, tf.newaxis], im * level[:, tf.newaxis, tf.newaxis]]
    return sides


GAIN, REPLICATE = SpectralGain1D(), BandReplication1D(REPLICATION)


@tf.function(jit_compile=True)
def measures(real, imaginary, target_real, target_imaginary, log_gains, log_levels):
    """Return SI-SDR and SNR in dB, both leveling off at 30, and the mean mel distances in dB."""
    parts = GAIN([real[:, tf.newaxis], imaginary[:, tf.newaxis], log_gains])
    real, imaginary = (part[:, 0] for part in REPLICATE([*parts, log_levels]))
    power = real * real + imaginary * imaginary
    target_power = target_real * target_real + target_imaginary * target_imaginary
    target = tf.reduce_sum(target_power, (1, 2)) + 1e-3
    output = tf.reduce_sum(power, (1, 2))
    common = tf.reduce_sum(real * target_real + imaginary * target_imaginary, (1, 2))

    scaled = common * common / target
    error = tf.nn.relu(output - scaled) + ENOUGH * scaled + 1e-4
    si_sdr = DECIBELS * (tf.math.log(scaled + 1e-4) - tf.math.log(error))
    error = tf.nn.relu(output - 2.0 * common + target) + ENOUGH * target
    snr = DECIBELS * (tf.math.log(target) - tf.math.log(error))
    mel = [
        DECIBELS
        * tf.reduce_mean(
            tf.abs(
                tf.math.log(tf.matmul(power, filters) + FLOOR)
                - tf.math.log(tf.matmul(target_power, filters) + FLOOR)
            ),
            (1, 2),
        )
        for filters in MELS
    ]
    return si_sdr, snr, *mel


class Trainer:
    """The generator, the optimizer and weight average of its mask, and the current step."""

    def __init__(
        self, folder: Path, steps: int, learning_rate: float, seed: int, start: Path | None
    ) -> None:
        keras.utils.set_random_seed(seed)
        self.generator = build_spectral_generator(WINDOW, n_fft=N_FFT, replication=REPLICATION)
        self.mask = self.generator.get_layer(MASK)
        static_levels = self.mask.get_layer("static_levels")
        static_levels.bias.assign(tf.fill(static_levels.bias.shape, FIRST_LEVEL))
        self.start: list[np.ndarray] = []
        if start is not None:
            earlier = keras.models.load_model(start).get_weights()
            for weight, value in zip(self.mask.trainable_variables, earlier, strict=False):
                weight.assign(value)
            for weight in self.gain_weights():
                weight.assign(weight / START_GAINS)
            begun = self.mask.trainable_variables[: len(earlier)]
            self.start = [weight.numpy() for weight in begun]
        variables = self.mask.trainable_variables
        schedule = keras.optimizers.schedules.CosineDecay(
            learning_rate / WARMUP_STEPS,
            steps - WARMUP_STEPS,
            warmup_target=learning_rate,
            warmup_steps=WARMUP_STEPS,
        )
        self.optimizer = keras.optimizers.Adam(schedule, global_clipnorm=1.0)
        self.optimizer.build(variables)
        self.average = [tf.Variable(variable.value) for variable in variables]
        self.steps_made = tf.Variable(0, dtype=tf.int64)
        self.checkpoint = tf.train.Checkpoint(
            optimizer=self.optimizer.variables,
            average=self.average,
            weights=[variable.value for variable in variables],
            steps_made=self.steps_made,
        )
        self.manager = tf.train.CheckpointManager(self.checkpoint, str(folder / "state"), 1)
        self.checkpoint.restore(self.manager.latest_checkpoint)

    def gain_weights(self) -> list:
        """Return the weights of the layers whose outputs are added to give the log gains."""
        layers = [self.mask.get_layer(name) for name in ("dynamic", "static")]
        return [weight for layer in layers for weight in layer.trainable_variables]

    @tf.function
    def step(self, signals, both_db, input_db, level_db, removed, sounding):
        """Make one update; return the mean gains in SI-SDR and mel distance in dB."""
        transformed = spectra(signals)
        sides = augment(
            tf.math.real(transformed),
            tf.math.imag(transformed),
            both_db,
            input_db,
            level_db,
            removed,
            sounding,
        )
        real, imaginary = sides[:2]
        before = measures(*sides, tf.zeros_like(real), tf.zeros_like(real))
        with tf.GradientTape() as tape:
            after = measures(*sides, *self.mask(real * real + imaginary * imaginary, training=True))
            si_sdr, snr, mel, fine_mel = after
            # The last two terms penalize excerpts that become worse.
            loss = tf.reduce_mean(
                -0.07 * si_sdr
                - 0.03 * snr
                + 0.08 * mel
                + 0.08 * fine_mel
                + 0.12 * tf.nn.relu(before[0] - si_sdr)
                + 0.1 * tf.nn.relu(mel - before[2])
            )
        variables = self.mask.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        self.steps_made.assign_add(1)
        made = tf.cast(self.steps_made, tf.float32)
        momentum = tf.minimum(MOMENTUM, made / (made + 9.0))
        for average, variable in zip(self.average, variables, strict=True):
            average.assign(momentum * average + (1.0 - momentum) * variable.value)
        return loss, tf.reduce_mean(si_sdr - before[0]), tf.reduce_mean(mel - before[2])

    def save(self, path: Path, corpora: list[Corpus]) -> None:
        """Write the generator with its averaged weights, and a share of those at the start."""
        kept = [variable.numpy() for variable in self.mask.trainable_variables]
        for variable, average in zip(self.mask.trainable_variables, self.average, strict=True):
            variable.assign(average)
        for variable, start in zip(self.mask.trainable_variables, self.start, strict=False):
            variable.assign((1.0 - START_SHARE) * variable + START_SHARE * start)
        for weight in self.gain_weights():
            weight.assign(GAINS * weight)
        metadata = ModelMetadata(
            sample_rate=SAMPLE_RATE,
            window=WINDOW,
            hop=hop_of(self.generator) or 0,
            channels=LINKED_CHANNELS,
            task="phone",
            preset="restoration",
            trained_on="; ".join(corpus.description for corpus in corpora),
            data_sha256=" ".join(corpus.checksum for corpus in corpora),
            licence="CC BY-NC-SA 4.0",
            steps=int(self.steps_made),
            parameters=self.generator.count_params(),
        )
        with replacing(path) as temporary:
            self.generator.save(temporary)
            write_metadata(temporary, metadata)
        for variable, value in zip(self.mask.trainable_variables, kept, strict=True):
            variable.assign(value)


def main(
    corpora: Annotated[list[Path], typer.Argument(help="Corpora of excerpts at 44.1 kHz.")],
    out: Annotated[Path, typer.Option(help="Run folder.")],
    steps: Annotated[
        int, typer.Option(min=WARMUP_STEPS + 1, help="Total number of updates.")
    ] = 8000,
    learning_rate: Annotated[
        float, typer.Option(help="Learning rate after the warm-up, from where it falls to zero.")
    ] = 2e-3,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    start: Annotated[
        Path | None, typer.Option(help="Generator whose weights a new run begins with.")
    ] = None,
) -> None:
    """Train or continue a run, and write generator.keras."""
    loaded = [Corpus.load(corpus) for corpus in corpora]
    for path, corpus in zip(corpora, loaded, strict=True):
        if corpus.sample_rate != SAMPLE_RATE:
            raise InputError(f"{path} is at {corpus.sample_rate} Hz; expected {SAMPLE_RATE}")
    trainer = Trainer(out, steps, learning_rate, seed, start)
    begin = int(trainer.steps_made)
    batches = Excerpts(loaded, seed).dataset(range(begin, steps))
    with progress_bar() as progress:
        bar = progress.add_task("Training", total=steps, completed=begin, status="")
        recent = []
        for made, batch in enumerate(batches, start=begin + 1):
            recent.append([float(value) for value in trainer.step(*batch)])
            loss, si_sdr, mel = np.mean(recent[-100:], axis=0)
            status = f"loss {loss:.3f}, SI-SDR {si_sdr:+.2f} dB, mel {mel:+.2f} dB"
            progress.update(bar, completed=made, status=status)
            if made % SAVE_EVERY == 0 or made == steps:
                trainer.manager.save()
                trainer.save(out / "generator.keras", loaded)
                line = {"step": made, "loss": loss, "si_sdr_gain": si_sdr, "mel_change": mel}
                line = {name: round(float(value), 4) for name, value in line.items()}
                with (out / "history.jsonl").open("a") as stream:
                    stream.write(json.dumps(line) + "\n")
    console.print(f"wrote {out / 'generator.keras'}")


if __name__ == "__main__":
    try:
        typer.run(main)
    except InputError as error:
        console.print(str(error))
        raise SystemExit(2) from error
