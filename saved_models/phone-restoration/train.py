"""Train phone-restoration: a spectral generator, on the band powers of excerpts.

    python saved_models/phone-restoration/train.py CORPUS [CORPUS ...] --out runs/restoration

The generator's output is a spectrum times a gain for each band, plus copies of an octave of it in
the bands above, so the loss is computed from band powers (`bands.py`). No spectrum or signal is
computed during training, which makes a step many times as fast as with `tfaudiogan train` on the
same network. The corpora are of excerpts, made by
`tfaudiogan render --task phone --excerpts N --seconds 6`. `--start` begins with the weights of an
earlier generator. With `--teacher`, the network learns the mean gains of several generators
(Hinton, Vinyals, Dean 2015) instead of what brings the inputs to the targets. The same command
continues an interrupted run, and the same seed gives the same batches. More corpora may be added
when a run continues, and a corpus that is given twice is drawn twice as often. A finished run is
written anew with other `--gains` or another `--abstention`.
"""

import json
import math
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import tensorflow as tf
import typer
from average import shares_of
from bands import BANDS, BINS, EDGES, FRAMES, N_FFT, WIDTHS, WINDOW, bands_of, measure

from tfaudiogan.audio.files import read_audio
from tfaudiogan.audio.spectra import mel_filters
from tfaudiogan.commands.running import run
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError
from tfaudiogan.inference.load import load_keras
from tfaudiogan.inference.metadata import ModelMetadata, write_metadata
from tfaudiogan.layers.band_replication import MAX_LOG_LEVEL, SILENCE
from tfaudiogan.layers.spectral_gain import MAX_LOG_GAIN
from tfaudiogan.making.sources import find_recordings
from tfaudiogan.models import build_spectral_generator, with_abstention
from tfaudiogan.models.spectral_generator import LINKED_CHANNELS, MASK, hop_of
from tfaudiogan.progress import console, progress_bar
from tfaudiogan.storage import replacing
from tfaudiogan.training.precision import computing_in

app = typer.Typer(add_completion=False)

SAMPLE_RATE = 44_100
BATCH = 16
PRECISIONS = ("float32", "mixed_bfloat16")
WARMUP_STEPS = 200
MOMENTUM = 0.9985
NOISE_FRAMES = 16_384
"""Frames of noise from which each excerpt takes its own."""

REPLICATION = 160
"""First bin of the copies: the octave from 1.7 to 3.4 kHz is copied to everything above it."""

SAVE_EVERY = 500

NEPERS = math.log(10.0) / 20.0
DECIBELS = 10.0 / math.log(10.0)
FLOOR = 1e-8
ENOUGH = 1e-3
"""Share of the target's power (-30 dB) below which an error has less and less weight."""

UNRELATED_DB = -8.0
"""SI-SDR of an input at which its own has half of its weight in the loss."""

FREQUENCIES = (EDGES[:-1] + EDGES[1:] - 1) / 2 * (SAMPLE_RATE / N_FFT)
OCTAVES = np.arange(np.log2(30.0), np.log2(SAMPLE_RATE / 2) + 1.0)
INTERPOLATION = np.stack(
    [
        np.interp(np.log2(np.maximum(FREQUENCIES, 31.0)), OCTAVES, row)
        for row in np.eye(len(OCTAVES))
    ]
).astype(np.float32)
"""Weights that interpolate values of octaves to values of bands, ``(octaves, BANDS)``."""

MELS = [
    np.add.reduceat(mel_filters(bands, N_FFT, SAMPLE_RATE), EDGES[:-1]).astype(np.float32)
    for bands in (64, 160)
]


def copied_bands() -> np.ndarray:
    """Return the share of each source band in each band's copies, ``(BANDS, BANDS)``."""
    band_of_bin = np.repeat(np.arange(BANDS), np.diff(EDGES))
    shares = np.zeros((BANDS, BANDS), np.float32)
    octave = REPLICATION // 2
    for position in range(BINS - REPLICATION):
        source = octave + position % octave
        target = band_of_bin[REPLICATION + position]
        shares[band_of_bin[source], target] += 1.0 / WIDTHS[target]
    return shares


COPIED = copied_bands()
FIRST_COPIED = int(np.argmax(COPIED.any(axis=0)))


class Excerpts:
    """Batches of excerpts; batch ``i`` is a function of the corpora, the seed and ``i`` alone.

    Each excerpt has parameters for the augmentation of its bands, so that no pair repeats: an
    equalizer for both sides; and if the pair is altered at all, an equalizer, a low cut, missing
    upper bands, reverberation and noise for the input; a change of level; and silence before or
    after it, as at the ends of a recording. Above some kilohertz, real phones often record more
    noise than music, and its level changes over time.
    """

    def __init__(self, corpora: list[Corpus], noises: list[Path], folder: Path, seed: int) -> None:
        self.seed = seed
        self.bands, altered = zip(*(bands_of(corpus, folder) for corpus in corpora), strict=True)
        self.altered = np.concatenate(altered)
        # The mean power of a band of noise varies less, the wider the band is.
        noise = np.random.default_rng(seed).exponential(size=(NOISE_FRAMES, BANDS))
        self.noise = (1.0 + (noise - 1.0) / np.sqrt(WIDTHS)).astype(np.float16)
        self.backgrounds = [self.noise, *(variation_of(path) for path in noises)]
        self.origins = [
            (corpus, row) for corpus, bands in enumerate(self.bands) for row in range(len(bands))
        ]

    def dataset(self, steps: range) -> tf.data.Dataset:
        """Return the batches of these steps, prepared ahead of training."""
        row = tf.TensorSpec((BATCH, BANDS), tf.float32)
        signature = (
            tf.TensorSpec((BATCH, 3, FRAMES, BANDS), tf.float16),
            *[row] * 4,
            tf.TensorSpec((BATCH, 1), tf.float32),
            tf.TensorSpec((BATCH, FRAMES), tf.float32),
            *[tf.TensorSpec((BATCH, FRAMES, BANDS), tf.float16)] * 2,
            tf.TensorSpec((BATCH, FRAMES, len(OCTAVES)), tf.float32),
        )
        return tf.data.Dataset.from_generator(
            lambda: map(self.batch, steps), output_signature=signature
        ).prefetch(4)

    def batch(self, step: int) -> tuple[np.ndarray, ...]:
        """Return what ``Trainer.step`` takes.

        These are the bands ``(BATCH, 3, FRAMES, BANDS)``; gains of both sides and of the input in
        dB, the level of reverberation and the level of noise relative to the input, ``(BATCH,
        BANDS)``; a change of the input's level in dB, ``(BATCH, 1)``; a mask of the sounding
        frames, ``(BATCH, FRAMES)``; the power of stationary noise and of a background, whose mean
        in each band is 1, ``(BATCH, FRAMES, BANDS)``; and the change of the background's level over
        time in dB, ``(BATCH, FRAMES, octaves)``.
        """
        rng = np.random.default_rng([self.seed, step])
        rows = rng.integers(len(self.origins), size=BATCH)
        bands = np.stack(
            [self.bands[corpus][row] for corpus, row in (self.origins[i] for i in rows)]
        )

        def share_of(share: float) -> np.ndarray:
            return rng.random((BATCH, 1)) < share

        def curves(scale: float | np.ndarray) -> np.ndarray:
            return (rng.normal(0.0, 1.0, (BATCH, len(OCTAVES))) * scale) @ INTERPOLATION

        altered = self.altered[rows, np.newaxis]
        both_db = curves(1.5) * share_of(0.25)
        input_db = curves(rng.choice([2.0, 4.0, 6.0], (BATCH, 1))) * (altered & share_of(0.4))
        cut_hz = np.geomspace(35.0, 350.0, 1001)[rng.integers(1001, size=(BATCH, 1))]
        cut_hz[~altered | ~share_of(0.15)] = 1e-3
        order = rng.integers(1, 4, (BATCH, 1))
        input_db -= 10.0 * np.log10(1.0 + (cut_hz / np.maximum(FREQUENCIES, 10.0)) ** (2 * order))
        end = np.geomspace(REPLICATION, BINS, 1001)[rng.integers(1001, size=(BATCH, 1))]
        end[~altered | ~share_of(0.08)] = BINS
        input_db[EDGES[:-1] >= end] -= 80.0
        tail_db = rng.uniform(-25.0, -8.0, (BATCH, 1)) + curves(3.0)
        tail = 10.0 ** (tail_db / 10.0) * (altered & share_of(0.2))
        hiss_db = rng.uniform(-45.0, -2.0, (BATCH, 1)) + curves(5.0)
        slope = rng.uniform(-6.0, 3.0, (BATCH, 1))
        hiss_db += slope * np.log2(np.maximum(FREQUENCIES, 40.0) / 1000.0)
        hiss = 10.0 ** (hiss_db / 10.0) * (altered & share_of(0.5))
        change_db = fluctuations(rng)
        level_db = rng.normal(0.0, 1.0, (BATCH, 1))
        sounding = np.ones((BATCH, FRAMES))
        for index in np.flatnonzero(share_of(0.3)):
            sounding[index, : int(rng.integers(20, 150))] = 0.0
        flip = rng.random(BATCH) < 0.5
        sounding[flip] = sounding[flip, ::-1]
        values = (both_db, both_db + input_db, tail, hiss, level_db, sounding)
        starts = rng.integers(NOISE_FRAMES - FRAMES, size=BATCH)
        noise = np.stack([self.noise[start : start + FRAMES] for start in starts])
        background = np.stack([self.background(rng) for _ in range(BATCH)])
        return bands, *[np.float32(value) for value in values], noise, background, change_db

    def background(self, rng: np.random.Generator) -> np.ndarray:
        """Draw stationary noise, or as often one of the recorded noises, ``(FRAMES, BANDS)``."""
        recorded = len(self.backgrounds) > 1 and rng.random() < 0.5
        source = self.backgrounds[rng.integers(1, len(self.backgrounds)) if recorded else 0]
        start = rng.integers(len(source) - FRAMES + 1)
        return source[start : start + FRAMES]


def variation_of(path: Path) -> np.ndarray:
    """Return the band powers of a recorded noise, divided by their means over time, ``(n, BANDS)``.

    A noise that is shorter than an excerpt is repeated.
    """
    audio, _ = read_audio(path, SAMPLE_RATE, mono=True)
    windows = np.resize(audio, (max(1, len(audio) // WINDOW), 1, WINDOW))
    powers = np.concatenate([np.exp(np.float32(measure(np.repeat(w, 2, 0))[0])) for w in windows])
    return (powers / (powers.mean(axis=0) + 1e-9)).astype(np.float16)


def fluctuations(rng: np.random.Generator) -> np.ndarray:
    """Return random changes of the level of noise in dB, ``(BATCH, FRAMES, octaves)``.

    They are linear between values that are 4 to 32 frames apart, 0.1 to 0.7 s. Half of their
    power is the same for all octaves.
    """
    changes = np.empty((BATCH, FRAMES, len(OCTAVES)), np.float32)
    for index in range(BATCH):
        spacing = 2 ** rng.integers(2, 6)
        values = rng.normal(size=(FRAMES // spacing + 1, len(OCTAVES) + 1))
        values = (values[:, 1:] + values[:, :1]) * np.sqrt(0.5) * rng.choice([0.0, 2.0, 4.0])
        before, offset = np.divmod(np.arange(FRAMES), spacing)
        share = offset[:, np.newaxis] / spacing
        changes[index] = values[before] * (1.0 - share) + values[before + 1] * share
    return changes


def mean_power(powers):
    """Return the mean power of the bins, ``(..., BANDS)`` to ``(...)``."""
    return tf.linalg.matvec(powers, WIDTHS / BINS)


DECAY = 0.9
"""Share of the power of reverberation that is left after a frame: it falls by 20 dB in a second."""

TAIL = np.tril(DECAY ** (np.arange(FRAMES)[:, np.newaxis] - np.arange(FRAMES)), -1).astype(
    np.float32
) * (1.0 - DECAY)


@tf.function(jit_compile=True)
def augment(
    bands,
    reverberation,
    both_db,
    input_db,
    tail,
    hiss,
    level_db,
    sounding,
    noise,
    background,
    change_db,
):
    """Apply an excerpt's augmentation and bring each side back to the common level of -20 dBFS.

    Returns the powers of the input and the target, and their product.
    """
    bands, noise = tf.cast(bands, tf.float32), tf.cast(noise, tf.float32)
    background = tf.cast(background, tf.float32)
    sounding = sounding[..., tf.newaxis]
    input_gain = tf.exp(NEPERS * input_db)[:, tf.newaxis] * sounding
    target_gain = tf.exp(NEPERS * both_db)[:, tf.newaxis] * sounding
    powers, target = tf.exp(bands[:, 0]), tf.exp(bands[:, 1])
    product = bands[:, 2] * tf.sqrt(powers * target) * input_gain * target_gain
    powers *= input_gain * input_gain
    target *= target_gain * target_gain

    mean = tf.reduce_mean(mean_power(powers), 1)[:, tf.newaxis, tf.newaxis]
    powers += tail[:, tf.newaxis] * noise * reverberation * input_gain * input_gain
    change = tf.exp(2.0 * NEPERS * tf.matmul(change_db, INTERPOLATION))
    powers += hiss[:, tf.newaxis] * mean * change * background * sounding

    def level_of(powers):
        loudness = mean_power(powers)
        heard = tf.cast(loudness > 1e-6, tf.float32)
        mean = (tf.reduce_sum(heard * loudness, 1) + 1e-5) / (tf.reduce_sum(heard, 1) + 1e-3)
        return tf.sqrt(1e-2 / mean)[:, tf.newaxis, tf.newaxis]

    level = level_of(powers) * tf.exp(NEPERS * level_db)[..., tf.newaxis]
    target_level = level_of(target)
    return powers * level**2, target * target_level**2, product * level * target_level


def with_copies(powers, log_levels):
    """Return the powers with those of the copies, which are taken to be orthogonal to them."""
    level = tf.exp(MAX_LOG_LEVEL * tf.tanh(log_levels / MAX_LOG_LEVEL) + SILENCE)
    return powers + tf.square(level - math.exp(SILENCE)) * tf.matmul(powers, COPIED)


@tf.function(jit_compile=True)
def measures(powers, target, product, log_gains, log_levels):
    """Return SI-SDR and SNR in dB, both leveling off at 30, and the mean mel distances in dB.

    The copies are taken to be orthogonal to what they are added to, and to the target.
    """
    gain = tf.exp(MAX_LOG_GAIN * tf.tanh(log_gains / MAX_LOG_GAIN))
    powers = with_copies(powers * gain * gain, log_levels)

    def total(values):
        return tf.reduce_sum(tf.linalg.matvec(values, WIDTHS), 1)

    target_sum, output, common = total(target) + 1e-3, total(powers), total(product * gain)
    scaled = common * common / target_sum
    error = tf.nn.relu(output - scaled) + ENOUGH * scaled + 1e-4
    si_sdr = DECIBELS * (tf.math.log(scaled + 1e-4) - tf.math.log(error))
    error = tf.nn.relu(output - 2.0 * common + target_sum) + ENOUGH * target_sum
    snr = DECIBELS * (tf.math.log(target_sum) - tf.math.log(error))
    mel = [
        DECIBELS
        * tf.reduce_mean(
            tf.abs(
                tf.math.log(tf.matmul(powers, filters) + FLOOR)
                - tf.math.log(tf.matmul(target, filters) + FLOOR)
            ),
            (1, 2),
        )
        for filters in MELS
    ]
    return si_sdr, snr, *mel


def relation(si_sdr):
    """Return the weight of an excerpt's SI-SDR in the loss, from 0 to 1, by that of the input.

    In a recording of a large room, the phases of input and target are unrelated. What a gain does
    to their product is then a matter of chance, and a few such excerpts would drown the others.
    """
    return tf.sigmoid((si_sdr - UNRELATED_DB) / 2.0)


def difference(powers, gains, levels, teacher_gains, teacher_levels):
    """Return the mean squared difference to a teacher in square nepers, ``(BATCH)``.

    Half of it is that of the gains of all audible bands, and half that of the bands' power. The
    levels of the copies are a small part of the power, and have a small weight.
    """

    def apart(values, teacher_values, limit):
        return tf.square(limit * (tf.tanh(values / limit) - tf.tanh(teacher_values / limit)))

    squared = apart(gains, teacher_gains, MAX_LOG_GAIN)
    audible = tf.cast(powers > FLOOR, tf.float32)
    total = tf.reduce_sum(audible, (1, 2)) + 1.0
    heard = tf.reduce_sum(audible * squared, (1, 2)) / total
    weights = powers * WIDTHS
    weights /= tf.reduce_sum(weights, (1, 2), keepdims=True) + 1e-3
    loud = tf.reduce_sum(weights * squared, (1, 2))
    squared = apart(levels, teacher_levels, MAX_LOG_LEVEL)
    copies = tf.reduce_mean(squared[..., FIRST_COPIED:], (1, 2))
    return heard + loud + 0.02 * copies


def new_generator() -> keras.Model:
    """Return an untrained generator."""
    return build_spectral_generator(WINDOW, n_fft=N_FFT, replication=REPLICATION)


def band_network(generator: keras.Model) -> keras.Model:
    """Return the part of a generator from the powers of bands to log gains and log levels.

    A correction of the static equalizer (`correct.py`) is left out.
    """
    mask = generator.get_layer(MASK)
    corrected = any(layer.name == "correction" for layer in mask.layers)
    gains = "coarse_log_gains" if corrected else "log_gains"
    outputs = [mask.get_layer(name).output for name in (gains, "log_levels")]
    return keras.Model(mask.get_layer("bands").output, outputs)


class Trainer:
    """The generator, the optimizer and weight average of its network, and the current step."""

    def __init__(
        self,
        folder: Path,
        steps: int,
        learning_rate: float,
        seed: int,
        start: Path | None,
        precision: str,
        teachers: dict[Path, float],
    ) -> None:
        keras.utils.set_random_seed(seed)
        self.generator = new_generator()

        def network_of(path: Path | None) -> keras.Model:
            with computing_in(precision):
                network = band_network(new_generator())
            if path is not None:
                network.set_weights(band_network(load_keras(path)).get_weights())
            return network

        self.network = network_of(start)
        self.teachers = [(network_of(path), share) for path, share in teachers.items()]
        variables = self.network.trainable_variables
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

    @tf.function
    def step(self, bands, *augmentation):
        """Make one update; return the loss and the mean gains in SI-SDR and mel distance in dB."""
        # XLA's own matrix product would take many times as long.
        reverberation = tf.matmul(TAIL, tf.exp(tf.cast(bands[:, 0], tf.float32)))
        sides = augment(bands, reverberation, *augmentation)
        zeros = tf.zeros_like(sides[0])
        before = measures(*sides, zeros, zeros)
        taught = self.taught(sides[0])
        with tf.GradientTape() as tape:
            gains, levels = self.network(sides[0], training=True)
            gains, levels = tf.cast(gains, tf.float32), tf.cast(levels, tf.float32)
            si_sdr, snr, mel, fine_mel = measures(*sides, gains, levels)
            if taught is not None:
                loss = tf.reduce_mean(difference(sides[0], gains, levels, *taught))
            else:
                # The terms with the inputs' values penalize excerpts that become worse.
                related = relation(before[0])
                loss = tf.reduce_mean(
                    related * (-0.07 * si_sdr - 0.03 * snr + 0.12 * tf.nn.relu(before[0] - si_sdr))
                    + 0.08 * mel
                    + 0.08 * fine_mel
                    + 0.1 * tf.nn.relu(mel - before[2])
                )
        variables = self.network.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        self.steps_made.assign_add(1)
        made = tf.cast(self.steps_made, tf.float32)
        momentum = tf.minimum(MOMENTUM, made / (made + 9.0))
        for average, variable in zip(self.average, variables, strict=True):
            average.assign(momentum * average + (1.0 - momentum) * variable.value)
        return loss, tf.reduce_mean(si_sdr - before[0]), tf.reduce_mean(mel - before[2])

    def taught(self, powers):
        """Return the mean log gains and log levels of the teachers, or ``None`` without any."""
        if not self.teachers:
            return None
        outputs = [(network(powers, training=False), share) for network, share in self.teachers]
        return [
            sum(share * tf.cast(output[index], tf.float32) for output, share in outputs)
            for index in range(2)
        ]

    def save(
        self,
        path: Path,
        corpora: list[Corpus],
        gains: float,
        abstention: tuple[float, float] | None,
    ) -> None:
        """Write the generator with its averaged weights, scaled gains in dB, and abstention."""
        network = band_network(self.generator)
        for variable, average in zip(network.trainable_variables, self.average, strict=True):
            variable.assign(average)
        for name in ("dynamic", "static"):
            for variable in network.get_layer(name).trainable_variables:
                variable.assign(gains * variable)
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
        generator = with_abstention(self.generator, *(abstention or ()))
        with replacing(path) as temporary:
            generator.save(temporary)
            write_metadata(temporary, metadata)


Abstention = Annotated[
    tuple[float, float] | None,
    typer.Option(
        metavar="CHANGE GAIN",
        help="Relative power of a change in dB, and mean magnitude of the gains in dB, at "
        "which the saved generator applies half of a correction; 2 dB below both, it applies "
        "none.",
    ),
]


def check_abstention(abstention: tuple[float, float] | None) -> None:
    """Raise InputError if the limits of abstention are out of range."""
    if abstention and abstention[1] < 0:
        raise InputError(f"the gain of --abstention is {abstention[1]:g} dB; expected 0 or more")


def load_corpus(path: Path) -> Corpus:
    """Load a corpus.

    Raises:
        InputError: if it cannot be read or is not at 44.1 kHz.
    """
    corpus = Corpus.load(path)
    if corpus.sample_rate != SAMPLE_RATE:
        raise InputError(f"{path} is at {corpus.sample_rate} Hz; expected {SAMPLE_RATE}")
    return corpus


@app.command()
def main(
    corpora: Annotated[list[Path], typer.Argument(help="Corpora of excerpts at 44.1 kHz.")],
    out: Annotated[Path, typer.Option(help="Run folder.")],
    steps: Annotated[
        int, typer.Option(min=WARMUP_STEPS + 1, help="Total number of updates.")
    ] = 30_000,
    learning_rate: Annotated[
        float, typer.Option(help="Learning rate after the warm-up, from where it falls to zero.")
    ] = 2e-3,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    start: Annotated[
        Path | None, typer.Option(help="Generator whose weights a new run begins with.")
    ] = None,
    teacher: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL=SHARE",
            help="Generator to learn the gains of, and its share of their mean. Repeatable.",
        ),
    ] = None,
    noises: Annotated[
        Path | None, typer.Option(help="Folder of recorded noises, which are added to the inputs.")
    ] = None,
    precision: Annotated[
        str, typer.Option(help="float32, or mixed_bfloat16 where the processor has its products.")
    ] = "float32",
    gains: Annotated[
        float,
        typer.Option(
            help="Factor by which the saved generator scales its gains in dB, so that fewer "
            "recordings get worse."
        ),
    ] = 0.9,
    abstention: Abstention = None,
    cache: Annotated[
        Path, typer.Option(help="Folder in which the bands of the corpora are kept.")
    ] = Path("runs/bands"),
) -> None:
    """Train or continue a run, and write generator.keras."""
    check_abstention(abstention)
    if precision not in PRECISIONS:
        raise InputError(f"precision is {precision!r}; expected {' or '.join(PRECISIONS)}")
    loaded = [load_corpus(path) for path in corpora]
    recorded = list(find_recordings(noises).values()) if noises else []
    excerpts = Excerpts(loaded, recorded, cache, seed)
    teachers = shares_of(teacher) if teacher else {}
    trainer = Trainer(out, steps, learning_rate, seed, start, precision, teachers)
    begin = int(trainer.steps_made)
    batches = excerpts.dataset(range(begin, steps))
    with progress_bar() as progress:
        bar = progress.add_task("Training", total=steps, completed=begin, status="")
        recent = []
        for made, batch in enumerate(batches, start=begin + 1):
            recent.append([float(value) for value in trainer.step(*batch)])
            if made % 10 == 0 or made == steps:
                loss, si_sdr, mel = np.mean(recent[-SAVE_EVERY:], axis=0)
                status = f"loss {loss:.3f}, SI-SDR {si_sdr:+.2f} dB, mel {mel:+.2f} dB"
                progress.update(bar, completed=made, status=status)
            if made % SAVE_EVERY == 0 or made == steps:
                trainer.manager.save()
                trainer.save(out / "generator.keras", loaded, gains, abstention)
                line = {"step": made, "loss": loss, "si_sdr_gain": si_sdr, "mel_change": mel}
                line = {name: round(float(value), 4) for name, value in line.items()}
                with (out / "history.jsonl").open("a") as stream:
                    stream.write(json.dumps(line) + "\n")
    if begin == steps:
        trainer.save(out / "generator.keras", loaded, gains, abstention)
    console.print(f"wrote {out / 'generator.keras'}")


if __name__ == "__main__":
    run(app, "train.py")
