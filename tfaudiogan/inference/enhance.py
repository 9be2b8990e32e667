"""A trained model over a whole recording: any length, sample rate and number of channels."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
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
MOST_CHANNELS = 64
LOUDNESS_BLOCK_S = 0.4
LONG_SECONDS = 600
"""Length of a recording, over all channels, from which compiling the model pays
(``load_model``'s ``fuse``)."""

BLOCKS_AHEAD = 8
"""Blocks of a file that are read while the model works: more than a long window takes."""


@dataclass(frozen=True)
class Enhanced:
    """What was done to a recording.

    Attributes:
        destination: the file written.
        samples: in each channel.
        channels: how many.
        sample_rate: in hertz.
        level_dbfs: of the input; ``None`` for silence.
        gain_db: applied to the input and undone on the output.
        quiet_dbfs: level of the input's quietest tenth, noise if it has any; ``None`` for silence.
        change_hz: center of the third octave whose level changed most, in hertz ...
        change_db: ... and by how much.
        peak: largest magnitude of the output; 1 is full scale.
        clipped: samples of the output beyond full scale that the file could not hold.
    """

    destination: Path
    samples: int
    channels: int
    sample_rate: int
    level_dbfs: float | None
    gain_db: float
    quiet_dbfs: float | None
    change_hz: float
    change_db: float
    peak: float
    clipped: int


def enhance(
    model: Any, audio: np.ndarray, sample_rate: int, reference: np.ndarray | None = None
) -> np.ndarray:
    """Enhance a whole signal.

    The signal is resampled to the model's rate where it has another, brought to the level that the
    model was trained at, enhanced window by window, and brought back.

    Args:
        model: anything that ``load_model`` takes. A Keras model or function without metadata is
            taken to be of the signal's sample rate.
        audio: ``(samples,)`` or ``(samples, channels)`` floats, any number of samples; 1 is full
            scale.
        sample_rate: of the signal, in hertz.
        reference: a clean recording of the same kind at that rate, ``(samples,)`` or
            ``(samples, channels)``: the signal's long-term spectrum is brought towards its own
            before the model runs (``audio.blind_equalizer``).

    Returns:
        The same shape, float32, within full scale or not: nothing is clipped.

    Raises:
        InputError: when the model cannot be loaded, the sample rate is out of range, or the signal
            is of another shape, holds integers, NaN or infinity.

    Example: ``enhance("run/generator.keras", audio, 44100)``
    """
    audio = _checked(audio)
    check_sample_rate(sample_rate, "the signal")
    model = load_model(model, sample_rate=sample_rate)
    stacked = audio[:, np.newaxis] if audio.ndim == 1 else audio
    samples, channels = stacked.shape
    if not samples:
        return audio
    if reference is not None:
        equalizer = BlindEqualizer(long_term_spectrum(_checked(reference), sample_rate))
        stacked = equalizer(stacked, sample_rate)

    def blocks() -> Iterator[np.ndarray]:
        return (stacked[i : i + BLOCK_SAMPLES] for i in range(0, samples, BLOCK_SAMPLES))

    level = _level(blocks(), sample_rate, channels, model)
    enhanced = _enhanced(blocks(), sample_rate, channels, samples, level, model)
    return np.concatenate(list(enhanced)).reshape(audio.shape)


def are_long(*recordings: Path | str) -> bool:
    """Whether the recordings are worth a compiled model; those that can't be read count nothing."""
    seconds = 0.0
    for recording in recordings:
        with suppress(InputError):
            seconds += _seconds(AudioReader(recording))
    return seconds >= LONG_SECONDS


def _seconds(reader: AudioReader) -> float:
    """Length of a recording, summed over its channels."""
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
    """Enhance a recording block by block, in memory that does not depend on its length.

    The recording is read once for its level and once to enhance it; with a reference it is read
    once more before. Reading, the model, and measuring and writing the result each work in a thread
    of their own. The output has the recording's length, channels and sample rate; the destination's
    extension gives the format (``audio.audio_writer``).

    Args:
        model: anything that ``load_model`` takes.
        source: a file that libsndfile reads: WAV, FLAC, Ogg Vorbis, Opus, MP3 …
        destination: the file to write.
        reference: a clean recording of the same kind, whose long-term spectrum the recording's own
            is brought towards before the model runs (``audio.blind_equalizer``).
        amount: share of the enhanced signal in the output, 0 to 1; the rest is the recording as it
            is, sample for sample.
        loudness: of the output: ``"match"`` for the recording's own, or LUFS (ITU-R BS.1770, by
            pyloudnorm); as the model leaves it where not given. The whole output is kept in memory.
        floats: write 32-bit floats, which do not clip; for WAV.
        progress: called with the samples done and the samples in all.

    Raises:
        InputError: when the model or the recording cannot be read, the destination not written, or
            the amount or loudness is out of range.
        OSError: when the disk is full.
    """
    if not 0.0 <= amount <= 1.0:
        raise InputError(f"amount is {amount}; expected 0 to 1")
    reader = AudioReader(source)
    if loudness is not None:
        _check_loudness(loudness, reader)
    destination = Path(destination)
    if destination.exists() and destination.samefile(reader.path):
        raise InputError(f"{destination} is the recording itself; give another output")
    rate, channels, samples = reader.sample_rate, reader.channels, reader.samples
    model = load_model(model, sample_rate=rate, fuse=_seconds(reader) >= LONG_SECONDS)
    taps = None if reference is None else _taps_towards(Path(reference), reader)

    def equalized(blocks: Iterable[np.ndarray]) -> Iterable[np.ndarray]:
        return blocks if taps is None else through(FilterStream(taps, channels), blocks)

    with audio_writer(
        destination,
        rate,
        channels,
        source_subtype=reader.subtype,
        floats=floats,
        samples=samples,
    ) as writer:
        level = _level(equalized(reader.blocks()), rate, channels, model)
        before, after = SpectrumMeter(rate, channels), SpectrumMeter(rate, channels)
        blocks: Iterable[np.ndarray] = _measured(reader.blocks(), before)
        recording: deque[np.ndarray] = deque()
        if amount < 1.0:
            blocks = _kept(blocks, recording)
        blocks = ahead(equalized(blocks), BLOCKS_AHEAD)
        enhanced = ahead(_enhanced(blocks, rate, channels, samples, level, model))
        if amount < 1.0:
            enhanced = _mixed(enhanced, recording, amount)
        enhanced = _reported(enhanced, samples, progress)
        if loudness is not None:
            enhanced = _at_loudness(enhanced, loudness, reader)
        for block in _measured(enhanced, after):
            writer.write(block)
    change_hz, change_db = _largest_change(before, after)
    return Enhanced(
        destination=destination,
        samples=samples,
        channels=channels,
        sample_rate=rate,
        level_dbfs=level,
        gain_db=gain_to_db(gain_to_common_level(level, model.metadata.level_dbfs)),
        quiet_dbfs=before.quiet_dbfs,
        change_hz=change_hz,
        change_db=change_db,
        peak=writer.peak,
        clipped=writer.clipped,
    )


def _kept(blocks: Iterable[np.ndarray], recording: deque[np.ndarray]) -> Iterator[np.ndarray]:
    for block in blocks:
        recording.append(block)
        yield block


def _mixed(
    enhanced: Iterable[np.ndarray], recording: deque[np.ndarray], amount: float
) -> Iterator[np.ndarray]:
    """Mix blocks of any two sizes, sample for sample: what is enhanced was read before."""
    for block in enhanced:
        parts = [recording.popleft()]
        while sum(map(len, parts)) < len(block):
            parts.append(recording.popleft())
        dry = np.concatenate(parts)
        recording.appendleft(dry[len(block) :])
        yield _blend(block, dry[: len(block)], amount)


def _blend(wet: np.ndarray, dry: np.ndarray, amount: float) -> np.ndarray:
    return np.float32(amount) * wet + np.float32(1.0 - amount) * dry


def _measured(blocks: Iterable[np.ndarray], meter: SpectrumMeter) -> Iterator[np.ndarray]:
    for block in blocks:
        meter.add(block)
        yield block


def _reported(
    blocks: Iterable[np.ndarray], samples: int, progress: Callable[[int, int], None] | None
) -> Iterator[np.ndarray]:
    done = 0
    for block in blocks:
        yield block
        done += len(block)
        if progress is not None:
            progress(done, samples)


def _at_loudness(
    blocks: Iterable[np.ndarray], loudness: float | str, reader: AudioReader
) -> Iterator[np.ndarray]:
    """The whole signal, times the gain that gives it a loudness."""
    audio = np.concatenate(list(blocks))
    wanted = loudness
    if loudness == "match":
        wanted = _loudness_lufs(np.concatenate(list(reader.blocks())), reader)
    gain_db = float(wanted) - _loudness_lufs(audio, reader)
    yield audio * np.float32(db_to_gain(gain_db)) if np.isfinite(gain_db) else audio


def _check_loudness(loudness: float | str, reader: AudioReader) -> None:
    """Raise an InputError for a loudness that could only fail once the work is done."""
    if not (loudness == "match" or (isinstance(loudness, int | float) and -70 < loudness < 0)):
        raise InputError(f"loudness is {loudness!r}; expected 'match', or LUFS from -70 to 0")
    if reader.seconds < LOUDNESS_BLOCK_S:
        raise InputError(
            f"{reader.path} lasts {reader.seconds:.2f} s; its loudness takes {LOUDNESS_BLOCK_S} s"
        )


def _loudness_lufs(audio: np.ndarray, reader: AudioReader) -> float:
    import pyloudnorm

    return float(pyloudnorm.Meter(reader.sample_rate).integrated_loudness(audio[:, :5]))


def _largest_change(before: SpectrumMeter, after: SpectrumMeter) -> tuple[float, float]:
    """The third octave whose level changed most, relative to the whole: hertz and dB."""
    change = after.spectrum_db() - before.spectrum_db()
    if np.isnan(change).all():
        return 0.0, 0.0
    band = int(np.nanargmax(np.abs(change)))
    return float(CENTERS_HZ[band]), float(change[band])


def _taps_towards(reference: Path, reader: AudioReader) -> np.ndarray:
    """The filter that brings a recording's long-term spectrum towards a reference's."""
    spectra = []
    for recording in (AudioReader(reference), reader):
        meter = SpectrumMeter(recording.sample_rate, recording.channels)
        for block in recording.blocks():
            meter.add(block)
        spectra.append(meter.spectrum_db())
    target_db, spectrum_db = spectra
    if np.isnan(target_db).all():
        raise InputError(f"{reference} is silent; give a reference that sounds")
    gains_db = BlindEqualizer(target_db).gains_for(spectrum_db)
    return zero_phase_taps(gains_db, reader.sample_rate)


def _level(
    blocks: Iterable[np.ndarray], rate: int, channels: int, model: WindowModel
) -> float | None:
    """Level in dBFS at the model's sample rate, where training measured it."""
    meter = LevelMeter()
    for block in through(Resampler(rate, model.metadata.sample_rate, channels), blocks):
        meter.add(block)
    return meter.level_dbfs


def _enhanced(
    blocks: Iterable[np.ndarray],
    rate: int,
    channels: int,
    samples: int,
    level_dbfs: float | None,
    model: WindowModel,
) -> Iterator[np.ndarray]:
    """Yield ``samples`` samples in blocks of ``(n, channels)``."""
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
        if len(kept):
            yield kept


def _checked(audio: np.ndarray) -> np.ndarray:
    audio = np.asarray(audio)
    if audio.dtype.kind != "f":
        raise InputError(f"audio is of {audio.dtype}; expected floats where 1 is full scale")
    if audio.ndim not in (1, 2) or (audio.ndim == 2 and not 1 <= audio.shape[1] <= MOST_CHANNELS):
        raise InputError(
            f"audio has the shape {audio.shape}; expected (samples,) or (samples, channels) with "
            f"at most {MOST_CHANNELS} channels"
        )
    if not np.isfinite(audio).all():
        raise InputError("audio holds NaN or infinity; remove them first")
    return audio.astype(np.float32, copy=False)
