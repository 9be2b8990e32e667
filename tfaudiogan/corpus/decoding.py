"""Ranges of samples from audio files of any format, without decoding what precedes them."""

import functools
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from tfaudiogan.audio.files import AudioReader
from tfaudiogan.audio.resampling import Resampler
from tfaudiogan.errors import InputError

_SEEKABLE = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "VORBIS")
"""Encodings that libsndfile decodes to the same samples from any position, unlike MP3."""


def read_range(path: Path, start: int, stop: int, sample_rate: int) -> np.ndarray:
    """Read samples ``start`` to ``stop`` of a mono file, counted after resampling.

    FLAC, Ogg Vorbis and WAV files of that sample rate are decoded from ``start`` on. Other files
    are decoded once, to a temporary file with 4 bytes per sample, which lasts as long as the
    process.

    Args:
        path: the file.
        start: first sample, at ``sample_rate``.
        stop: end of the range, at most the file's length.
        sample_rate: in hertz.

    Returns:
        float32 ``(stop - start,)``; 1 is full scale.

    Raises:
        InputError: if the file cannot be read, or ends before ``stop``.
    """
    try:
        with soundfile.SoundFile(path) as file:
            seekable = file.samplerate == sample_rate and file.subtype in _SEEKABLE
            if seekable:
                file.seek(start)
                samples = file.read(stop - start, dtype="float32")
    except (OSError, soundfile.SoundFileError) as error:
        raise InputError(f"{path} cannot be read as audio ({error}); make it again") from error
    if not seekable:
        samples = np.array(_unpacked(path, path.stat().st_mtime_ns, sample_rate)[start:stop])
    if len(samples) != stop - start:
        raise InputError(f"{path} ends before sample {stop}; make it again")
    return samples


@functools.cache
def _unpacked(path: Path, modified: int, sample_rate: int) -> np.ndarray:
    """Return all samples, memory-mapped from an anonymous temporary file."""
    reader = AudioReader(path)
    resampler = Resampler(reader.sample_rate, sample_rate, reader.channels)
    with tempfile.TemporaryFile() as scratch:
        for block in reader.blocks():
            scratch.write(resampler.feed(block).tobytes())
        scratch.write(resampler.flush().tobytes())
        scratch.flush()
        return np.memmap(scratch, np.float32, "r")
