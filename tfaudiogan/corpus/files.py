"""Audio files of a corpus, checked against its manifest by their headers."""

import struct
from dataclasses import dataclass
from pathlib import Path

from tfaudiogan.audio.files import AudioReader
from tfaudiogan.errors import InputError

HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
"""The 44 bytes before the samples of a PCM WAV file without further chunks."""


@dataclass(frozen=True)
class Encoding:
    """How a file holds its samples.

    ``plain`` is a 16-bit WAV file at the corpus's rate with its samples at byte 44; ``subtype`` is
    libsndfile's name: ``"PCM_16"``, ``"VORBIS"`` ...
    """

    subtype: str
    sample_rate: int
    plain: bool


def check_file(path: Path, samples: int, sample_rate: int) -> Encoding:
    """Make sure of a mono audio file that has that many samples at that rate, in hertz.

    Raises:
        InputError: when the file is missing, no audio, or has other channels or another length.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(HEADER.size)
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}); make the corpus again") from error
    if _is_plain(head, sample_rate):
        encoding, channels = Encoding("PCM_16", sample_rate, plain=True), 1
        found = min(HEADER.unpack(head)[-1], size - HEADER.size) // 2
    else:
        file = AudioReader(path)
        encoding, channels = Encoding(file.subtype, file.sample_rate, plain=False), file.channels
        found = -(-file.samples * sample_rate // file.sample_rate)
    if channels != 1:
        raise InputError(f"{path} has {channels} channels; expected one; make the corpus again")
    if found != samples:
        raise InputError(
            f"{path} holds {found} samples at {sample_rate} Hz; expected {samples}; "
            "make the corpus again"
        )
    return encoding


def _is_plain(head: bytes, sample_rate: int) -> bool:
    if len(head) < HEADER.size:
        return False
    riff, _, wave, fmt, _, coding, channels, rate, _, _, bits, data, _ = HEADER.unpack(head)
    return (riff, wave, fmt, coding, data) == (b"RIFF", b"WAVE", b"fmt ", 1, b"data") and (
        (channels, bits, rate) == (1, 16, sample_rate)
    )
