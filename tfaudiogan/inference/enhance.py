"""Enhances whole recordings of any length, sample rate and number of channels with a model."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from tfaudiogan.audio.blind_equalizer import (
    CENTERS_HZ,
    BlindEqualizer,
    FilterStream,
    SpectrumMeter,
    long_term_spectrum,
    zero_phase_taps,
)
from tfaudiogan.audio.files import BLOCK_SAMPLES, AudioReader, audio_writer, check_sample_rate
from tfaudiogan.audio.levels import LevelMeter, db_to_gain, gain_to_common_level, gain_to_db
from tfaudiogan.audio.resampling import Resampler
from tfaudiogan.errors import InputError
from tfaudiogan.inference.load import WindowModel, load_model
from tfaudiogan.inference.streaming import StreamingEnhancer, through
from tfaudiogan.parallel import ahead

__all__ = ["Enhanced", "StreamingEnhancer", "WindowModel", "enhance", "enhance_file", "load_model"]
MAX_CHANNELS = 64
LOUDNESS_BLOCK_S = 0.4
LONG_SECONDS = 600
"""Total length of all channels, in seconds, from which compiling the model saves time
(see ``fuse`` of ``load_model``)."""

REFERENCE_AMOUNT = 0.5
"""Share of the difference to a reference's long-term spectrum that is corrected. What the model and
the reference tell about the target are two estimates, and the middle is better than either."""

BLOCKS_AHEAD = 8
"""Number of blocks that are read ahead while the model runs, which is enough for long windows."""


@dataclass(frozen=True)
class Enhanced:
    """The result of ``enhance_file``.

    Attributes:
        destination: File that was written.
        samples: Number of samples in each channel.
        channels: Number of channels.
        sample_rate: Sample rate in hertz.
        level_dbfs: Level of the input; ``None`` for silence.
        gain_db: Gain that was applied to the input and undone on the output.
        quiet_dbfs: Level of the quietest tenth of the input, which is that of its noise if it has
            any; ``None`` for silence.
        unchanged: Whether the model left every sample as it was.
        change_hz: Center frequency of the third-octave band whose level changed most, in hertz.
        change_db: Change of the level in that band.
        peak: Largest magnitude of the output; 1 is full scale.
        clipped: Number of output samples beyond full scale that the file format clipped.
    """

    destination: Path
    samples: int
    channels: int
    sample_rate: int
    level_dbfs: float | None
    gain_db: float
    quiet_dbfs: float | None
    unchanged: bool
    change_hz: float
    change_db: float
    peak: float
    clipped: int


def enhance(
    model: Any, audio: np.ndarray, sample_rate: int, reference: np.ndarray | None = None
) -> np.ndarray:
    """Enhance a whole signal.

    The signal is resampled to the model's sample rate, scaled to the level that the model was
    trained at, and enhanced window by window. The result is scaled and resampled back.

    Args:
        model: Any model that ``load_model`` accepts. A Keras model or function without metadata is
            assumed to have the signal's sample rate.
        audio: Floats ``(samples,)`` or ``(samples, channels)``, with any number of samples. 1 is
            full scale.
        sample_rate: Sample rate of the signal in hertz.
        reference: Clean recording of the same kind at the same rate, ``(samples,)`` or
            ``(samples, channels)``. What the model makes is equalized half of the way toward the
            reference's long-term spectrum (``audio.blind_equalizer``).

    Returns:
        The enhanced signal, float32 of the same shape. It is not clipped at full scale.

    Raises:
        InputError: If the model cannot be loaded, the sample rate is out of range, the reference is
            silent, or a signal has another shape or holds integers, NaN or infinity.

    Example: ``enhance("run/generator.keras", audio, 44100)``
    """
    audio = _checked(audio)
    check_sample_rate(sample_rate, "the signal")
    model = load_model(model, sample_rate=sample_rate)
    stacked = audio[:, np.newaxis] if audio.ndim == 1 else audio
    samples, channels = stacked.shape
    if not samples:
        return audio
    equalizer = None
    if reference is not None:
        target_db = long_term_spectrum(_checked(reference), sample_rate)
        equalizer = _equalizer_toward(target_db, "the reference")

    def blocks() -> Iterator[np.ndarray]:
        return (stacked[i : i + BLOCK_SAMPLES] for i in range(0, samples, BLOCK_SAMPLES))

    level = _level(blocks(), sample_rate, channels, model)
    parts = list(_enhanced(blocks(), sample_rate, channels, samples, level, model))
    enhanced = np.concatenate(parts)
    if equalizer is not None:
        enhanced = equalizer(enhanced, sample_rate)
    return enhanced.reshape(audio.shape)


def are_long(*recordings: Path | str) -> bool:
    """Return whether compiling a model saves time. Recordings that cannot be read are ignored."""
    seconds = 0.0
    for recording in recordings:
        with suppress(InputError):
            seconds += _seconds(AudioReader(recording))
    return seconds >= LONG_SECONDS


def _seconds(reader: AudioReader) -> float:
    """Return the length of a recording in seconds, summed over its channels."""
    return reader.samples * reader.channels / reader.sample_rate


def enhance_file(
    model: Any,
    source: Path | str,
    destination: Path | str,
    *,
    reference: Path | str | None = None,
    amount: float = 1.0,
    loudness: float | str | None = None,
    floats: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Enhanced:
    """Enhance a recording block by block, so that memory does not grow with its length.

    The recording is read once to measure its level and once to enhance it. A thread reads it, a
    second thread runs the model, and a third one measures and writes the result. With a reference,
    the enhanced signal waits in a temporary file next to the destination, 32-bit floats, until its
    spectrum is known. The output has the recording's length, channels and sample rate.
    The destination's extension determines the format (``audio.audio_writer``).

    Args:
        model: Any model that ``load_model`` accepts.
        source: File that libsndfile reads, such as WAV, FLAC, Ogg Vorbis, Opus or MP3.
        destination: File to write.
        reference: Clean recording of the same kind. What the model makes is equalized half of the
            way toward the reference's long-term spectrum (``audio.blind_equalizer``).
        amount: Share of the enhanced signal in the output, from 0 to 1. The rest is the unchanged
            recording.
        loudness: Loudness of the output: ``"match"`` for that of the recording, or LUFS (ITU-R
            BS.1770, by pyloudnorm). The model's loudness is kept by default. A given loudness takes
            memory for the whole output.
        floats: Whether to write a WAV file of 32-bit floats, which do not clip.
        progress: Function that is called with the number of finished samples and the total. With a
            reference, each sample counts twice.

    Raises:
        InputError: If the model or the recording cannot be read, the destination cannot be written,
            or the amount or loudness is out of range.
        OSError: If the disk is full.
    """
    if not 0.0 <= amount <= 1.0:
        raise InputError(f"amount is {amount}; expected 0 to 1")
    reader = AudioReader(source)
    if loudness is not None:
        _check_loudness(loudness, reader)
    destination = Path(destination)
    if destination.exists() and destination.samefile(reader.path):
        raise InputError(f"{destination} is the recording itself; choose another output")
    rate, channels, samples = reader.sample_rate, reader.channels, reader.samples
    model = load_model(model, sample_rate=rate, fuse=_seconds(reader) >= LONG_SECONDS)
    equalizer = None
    if reference is not None:
        equalizer = _equalizer_toward(_spectrum_db(AudioReader(reference)), str(reference))
    with audio_writer(
        destination,
        rate,
        channels,
        source_subtype=reader.subtype,
        floats=floats,
        samples=samples,
    ) as writer:
        level = _level(reader.blocks(), rate, channels, model)
        before, after = (_Meter(SpectrumMeter(rate, channels)) for _ in range(2))
        blocks = ahead(_measured(reader.blocks(), before), BLOCKS_AHEAD)
        enhanced = ahead(_enhanced(blocks, rate, channels, samples, level, model))
        total = samples if equalizer is None else 2 * samples
        enhanced = _with_progress(enhanced, progress, 0, total)
        if equalizer is not None:
            stored = _equalized(enhanced, equalizer, rate, channels, destination.parent)
            enhanced = _with_progress(ahead(stored), progress, samples, total)
        if amount < 1.0:
            enhanced = _mixed(enhanced, reader.blocks(), amount)
        if loudness is not None:
            enhanced = _at_loudness(enhanced, loudness, reader)
        for block in _measured(enhanced, after):
            writer.write(block)
    change_hz, change_db = _largest_change(before.spectrum, after.spectrum)
    return Enhanced(
        destination=destination,
        samples=samples,
        channels=channels,
        sample_rate=rate,
        level_dbfs=level,
        gain_db=gain_to_db(gain_to_common_level(level, model.metadata.level_dbfs)),
        quiet_dbfs=before.spectrum.quiet_dbfs,
        unchanged=before.checksum == after.checksum,
        change_hz=change_hz,
        change_db=change_db,
        peak=writer.peak,
        clipped=writer.clipped,
    )


def _spectrum_db(reader: AudioReader) -> np.ndarray:
    """Return the long-term spectrum of a file, read block by block."""
    meter = SpectrumMeter(reader.sample_rate, reader.channels)
    for block in reader.blocks():
        meter.add(block)
    return meter.spectrum_db()


def _equalizer_toward(target_db: np.ndarray, reference: str) -> BlindEqualizer:
    """Return an equalizer toward a reference's long-term spectrum; name the reference if silent."""
    if np.isnan(target_db).all():
        raise InputError(f"{reference} is silent; give a reference with sound")
    return BlindEqualizer(target_db, REFERENCE_AMOUNT)


def _equalized(
    blocks: Iterable[np.ndarray], equalizer: BlindEqualizer, rate: int, channels: int, folder: Path
) -> Iterator[np.ndarray]:
    """Equalize a signal, which waits in a file in the folder until its spectrum is known."""
    meter = SpectrumMeter(rate, channels)
    with TemporaryFile(dir=folder) as file:
        for block in blocks:
            meter.add(block)
            file.write(np.ascontiguousarray(block, np.float32).data)
        file.seek(0)
        frame = channels * np.dtype(np.float32).itemsize
        stored = iter(lambda: file.read(BLOCK_SAMPLES * frame), b"")
        waiting = (np.frombuffer(data, np.float32).reshape(-1, channels) for data in stored)
        taps = zero_phase_taps(equalizer.gains_for(meter.spectrum_db()), rate)
        yield from through(FilterStream(taps, channels), waiting)


def _mixed(
    enhanced: Iterable[np.ndarray], recording: Iterator[np.ndarray], amount: float
) -> Iterator[np.ndarray]:
    """Mix enhanced blocks with the recording, whose blocks may have other sizes."""
    parts: list[np.ndarray] = []
    for block in enhanced:
        while sum(map(len, parts)) < len(block):
            parts.append(next(recording))
        dry = np.concatenate([block[:0], *parts])
        yield _blend(block, dry[: len(block)], amount)
        parts = [dry[len(block) :]]


def _blend(wet: np.ndarray, dry: np.ndarray, amount: float) -> np.ndarray:
    return np.float32(amount) * wet + np.float32(1.0 - amount) * dry


@dataclass
class _Meter:
    """Measures a signal block by block: its spectrum, and a checksum of its samples."""

    spectrum: SpectrumMeter
    checksum: int = 0

    def add(self, block: np.ndarray) -> None:
        self.spectrum.add(block)
        self.checksum = zlib.crc32(np.ascontiguousarray(block).data, self.checksum)


def _measured(blocks: Iterable[np.ndarray], meter: _Meter) -> Iterator[np.ndarray]:
    for block in blocks:
        meter.add(block)
        yield block


def _with_progress(
    blocks: Iterable[np.ndarray],
    progress: Callable[[int, int], None] | None,
    done: int,
    total: int,
) -> Iterator[np.ndarray]:
    for block in blocks:
        yield block
        done += len(block)
        if progress is not None:
            progress(done, total)


def _at_loudness(
    blocks: Iterable[np.ndarray], loudness: float | str, reader: AudioReader
) -> Iterator[np.ndarray]:
    """Yield the whole signal, scaled to a loudness."""
    audio = np.concatenate(list(blocks))
    target = loudness
    if loudness == "match":
        target = _loudness_lufs(np.concatenate(list(reader.blocks())), reader)
    gain_db = float(target) - _loudness_lufs(audio, reader)
    yield audio * np.float32(db_to_gain(gain_db)) if np.isfinite(gain_db) else audio


def _check_loudness(loudness: float | str, reader: AudioReader) -> None:
    """Raise InputError for a loudness that would fail only after the enhancement."""
    if not (loudness == "match" or (isinstance(loudness, int | float) and -70 < loudness < 0)):
        raise InputError(f"loudness is {loudness!r}; expected 'match', or LUFS from -70 to 0")
    if reader.seconds < LOUDNESS_BLOCK_S:
        raise InputError(
            f"{reader.path} lasts {reader.seconds:.2f} s; measuring its loudness takes at least "
            f"{LOUDNESS_BLOCK_S} s"
        )


def _loudness_lufs(audio: np.ndarray, reader: AudioReader) -> float:
    import pyloudnorm

    return float(pyloudnorm.Meter(reader.sample_rate).integrated_loudness(audio[:, :5]))


def _largest_change(before: SpectrumMeter, after: SpectrumMeter) -> tuple[float, float]:
    """Return the center in hertz of the third-octave band that changed most, and its change in dB.

    The change is relative to that of the whole signal.
    """
    change = after.spectrum_db() - before.spectrum_db()
    if np.isnan(change).all():
        return 0.0, 0.0
    band = int(np.nanargmax(np.abs(change)))
    return float(CENTERS_HZ[band]), float(change[band])


def _level(
    blocks: Iterable[np.ndarray], rate: int, channels: int, model: WindowModel
) -> float | None:
    """Return the level in dBFS, measured at the model's sample rate as in training.

    The gate does not apply to a recording that is below it throughout, and would be amplified.
    """
    meter = LevelMeter()
    for block in through(Resampler(rate, model.metadata.sample_rate, channels), blocks):
        meter.add(block)
    return meter.ungated_dbfs if meter.level_dbfs is None else meter.level_dbfs


def _enhanced(
    blocks: Iterable[np.ndarray],
    rate: int,
    channels: int,
    samples: int,
    level_dbfs: float | None,
    model: WindowModel,
) -> Iterator[np.ndarray]:
    """Yield ``samples`` samples in blocks of ``(n, channels)`` that a processor's cache holds."""
    gain = gain_to_common_level(level_dbfs, model.metadata.level_dbfs)
    for stage in (
        Resampler(rate, model.metadata.sample_rate, channels),
        StreamingEnhancer(model, channels, gain),
        Resampler(model.metadata.sample_rate, rate, channels),
    ):
        blocks = through(stage, blocks)
    for block in blocks:
        kept = block[:samples]
        samples -= len(kept)
        yield from (kept[i : i + BLOCK_SAMPLES] for i in range(0, len(kept), BLOCK_SAMPLES))


def _checked(audio: np.ndarray) -> np.ndarray:
    audio = np.asarray(audio)
    if audio.dtype.kind != "f":
        raise InputError(
            f"audio has the dtype {audio.dtype}; expected floats where 1 is full scale"
        )
    if audio.ndim not in (1, 2) or (audio.ndim == 2 and not 1 <= audio.shape[1] <= MAX_CHANNELS):
        raise InputError(
            f"audio has the shape {audio.shape}; expected (samples,) or (samples, channels) with "
            f"at most {MAX_CHANNELS} channels"
        )
    if not np.isfinite(audio).all():
        raise InputError("audio holds NaN or infinity; remove them first")
    return audio.astype(np.float32, copy=False)
