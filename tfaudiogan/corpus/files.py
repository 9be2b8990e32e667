"""Checks of a corpus's audio files against its manifest, by their headers."""

import struct
from dataclasses import dataclass
from pathlib import Path

from tfaudiogan.audio.files import AudioReader
from tfaudiogan.errors import InputError

HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
"""The 44 bytes before the samples of a PCM WAV file without further chunks."""


@dataclass(frozen=True)
class Encoding:
    """How a file encodes its samples.

    Attributes:
        subtype: libsndfile's name of the encoding: ``"PCM_16"``, ``"VORBIS"`` ...
        sample_rate: of the file, in hertz.
        plain: whether it is a 16-bit WAV file at the corpus's rate whose samples begin at byte 44.
    """

    subtype: str
    sample_rate: int
    plain: bool


def check_file(path: Path, samples: int, sample_rate: int) -> Encoding:
    """Check that a file is mono audio of that many samples, counted at a rate in hertz.

    Raises:
        InputError: if the file is missing, not audio, not mono, or of another length.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(HEADER.size)
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}); make the corpus again") from error
    if _is_plain(head, sample_rate):
        encoding, channels = Encoding("PCM_16", sample_rate, plain=True), 1
        file_samples = min(HEADER.unpack(head)[-1], size - HEADER.size) // 2
    else:
        file = AudioReader(path)
        encoding, channels = Encoding(file.subtype, file.sample_rate, plain=False), file.channels
        file_samples = -(-file.samples * sample_rate // file.sample_rate)
    if channels != 1:
        raise InputError(f"{path} has {channels} channels; expected one; make the corpus again")
    if file_samples != samples:
        raise InputError(
            f"{path} holds {file_samples} samples at {sample_rate} Hz; expected {samples}; "
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
