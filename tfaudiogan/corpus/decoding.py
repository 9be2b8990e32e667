"""Ranges of samples from audio files of any format, without reading what lies before them."""

import functools
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from tfaudiogan.audio.files import AudioReader
from tfaudiogan.audio.resampling import Resampler
from tfaudiogan.errors import InputError

_SEEKABLE = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "VORBIS")
"""Encodings of which libsndfile decodes the same samples wherever it begins; MP3 is none."""


def read_range(path: Path, start: int, stop: int, sample_rate: int) -> np.ndarray:
    """Samples ``start`` to ``stop`` of a mono file, as read whole and resampled to a sample rate.

    FLAC, Ogg Vorbis and WAV of that rate are decoded from the place on. Others are decoded once,
    into a temporary file of 4 bytes a sample that goes when the process does.

    Args:
        path: the file.
        start: counted at ``sample_rate``.
        stop: at most the file's length.
        sample_rate: in hertz.

    Returns:
        float32 ``(stop - start,)``; 1 is full scale.

    Raises:
        InputError: when the file can't be read, or not as far as that.
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
    """All samples, in a file without a name that is mapped into memory."""
    reader = AudioReader(path)
    resampler = Resampler(reader.sample_rate, sample_rate, reader.channels)
    with tempfile.TemporaryFile() as scratch:
        for block in reader.blocks():
            scratch.write(resampler.feed(block).tobytes())
        scratch.write(resampler.flush().tobytes())
        scratch.flush()
        return np.memmap(scratch, np.float32, "r")
