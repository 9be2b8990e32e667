"""A trained model over a whole recording: any length, sample rate and number of channels."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfaudiogan.audio.blind_equalizer import (
    BlindEqualizer,
    FilterStream,
    SpectrumMeter,
    long_term_spectrum,
    zero_phase_taps,
)
from tfaudiogan.audio.files import BLOCK_SAMPLES, AudioReader, audio_writer, check_sample_rate
from tfaudiogan.audio.levels import LevelMeter, gain_to_common_level, gain_to_db
from tfaudiogan.audio.resampling import Resampler
from tfaudiogan.errors import InputError
from tfaudiogan.inference.load import WindowModel, load_model
from tfaudiogan.inference.streaming import StreamingEnhancer, through

__all__ = ["Enhanced", "StreamingEnhancer", "WindowModel", "enhance", "enhance_file", "load_model"]
MOST_CHANNELS = 64
LONG_SECONDS = 600
"""Of all channels together, from which compiling the model pays (``load_model``'s ``fuse``)."""


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
        peak: largest magnitude of the output; 1 is full scale.
        clipped: samples of the output beyond full scale that the file could not hold.
    """

    destination: Path
    samples: int
    channels: int
    sample_rate: int
    level_dbfs: float | None
    gain_db: float
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
    """Of all channels together."""
    return reader.samples * reader.channels / reader.sample_rate


def enhance_file(
    model: Any,
    source: Path | str,
    destination: Path | str,
    *,
    reference: Path | str | None = None,
    floats: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Enhanced:
    """Enhance a recording block by block, in memory that does not depend on its length.

    The recording is read twice: once for its level, once to enhance it; once more before with a
    reference. The output has its length,
    channels and sample rate; the destination's extension gives the format (``audio.audio_writer``).

    Args:
        model: anything that ``load_model`` takes.
        source: a file that libsndfile reads: WAV, FLAC, Ogg Vorbis, Opus, MP3 …
        destination: the file to write.
        reference: a clean recording of the same kind, whose long-term spectrum the recording's own
            is brought towards before the model runs (``audio.blind_equalizer``).
        floats: write 32-bit floats, which do not clip; for WAV.
        progress: called with the samples done and the samples in all.

    Raises:
        InputError: when the model or the recording cannot be read, or the destination not written.
        OSError: when the disk is full.
    """
    reader = AudioReader(source)
    destination = Path(destination)
    if destination.exists() and destination.samefile(reader.path):
        raise InputError(f"{destination} is the recording itself; give another output")
    rate, channels, samples = reader.sample_rate, reader.channels, reader.samples
    model = load_model(model, sample_rate=rate, fuse=_seconds(reader) >= LONG_SECONDS)
    blocks = reader.blocks
    if reference is not None:
        taps = _taps_towards(Path(reference), reader)

        def blocks() -> Iterator[np.ndarray]:
            yield from through(FilterStream(taps, channels), reader.blocks())

    with audio_writer(
        destination,
        rate,
        channels,
        source_subtype=reader.subtype,
        floats=floats,
        samples=samples,
    ) as writer:
        level = _level(blocks(), rate, channels, model)
        done = 0
        for block in _enhanced(blocks(), rate, channels, samples, level, model):
            writer.write(block)
            done += len(block)
            if progress is not None:
                progress(done, samples)
    return Enhanced(
        destination=destination,
        samples=samples,
        channels=channels,
        sample_rate=rate,
        level_dbfs=level,
        gain_db=gain_to_db(gain_to_common_level(level, model.metadata.level_dbfs)),
        peak=writer.peak,
        clipped=writer.clipped,
    )


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
        yield block[:samples]
        samples -= len(block[:samples])


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
