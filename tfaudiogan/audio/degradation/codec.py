"""The lossy codec in which a recording is stored or sent."""

import io
from dataclasses import dataclass

import numpy as np
import soundfile

from tfaudiogan.audio.draws import uniform
from tfaudiogan.audio.resampling import resample

_FULL = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_OPUS = (8000, 12000, 16000, 24000, 48000)
CODECS = {
    "opus": ("OGG", "OPUS", _OPUS),
    "vorbis": ("OGG", "VORBIS", _FULL),
    "mp3": ("MP3", "MPEG_LAYER_III", _FULL),
}
"""File format and subtype in libsndfile, and the sample rates that the codec supports."""

_BLOCK = 1 << 15
_PEAK = 0.5
_OPUS_SPEECH = 0.75
_OPUS_SPEECH_RATE = 16000


@dataclass(frozen=True)
class Codec:
    """Encode and decode with libsndfile, in memory, without delay and with the same length.

    libsndfile compensates the delay of all three codecs, with one exception: below about 64 kbit/s
    Opus may switch to its speech coder, which above 16 kHz is early by 1 to 2 samples. For
    compressions over 0.75, Opus is therefore run at 16 kHz or less, as in calls and voice messages.
    Otherwise a signal whose sample rate the codec does not support is resampled to the next higher
    rate that it supports.

    Args:
        codec: one of ``CODECS``.
        compression: libsndfile's compression level, from 0 (best) to less than 1. Opus ranges from
            256 to 6 kbit/s. Vorbis and MP3 (variable bit rate) at 44.1 kHz have about 55 kbit/s at
            0.5 and 45 kbit/s at 0.9.

    Raises:
        ValueError: if the codec is unknown or the compression is out of range.
    """

    codec: str
    compression: float

    def __post_init__(self) -> None:
        if self.codec not in CODECS:
            raise ValueError(f"codec is {self.codec!r}; expected one of {', '.join(CODECS)}")
        if not 0 <= self.compression < 1:
            raise ValueError(f"compression is {self.compression}; expected 0 to less than 1")

    @classmethod
    def draw(cls, rng: np.random.Generator, compression: tuple[float, float]) -> "Codec":
        """Draw any codec with equal chance."""
        return cls(str(rng.choice(list(CODECS))), uniform(rng, compression))

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Send ``(samples,)`` through the codec."""
        peak = float(np.abs(audio).max(initial=0.0))
        if not peak:
            return audio.astype(np.float32)
        rate = self._rate(sample_rate)
        scaled = (audio * (_PEAK / peak)).astype(np.float32)
        coded = self._round_trip(resample(scaled, sample_rate, rate), rate)
        coded = resample(coded, rate, sample_rate)[: len(audio)]
        return np.pad(coded, (0, len(audio) - len(coded))) * np.float32(peak / _PEAK)

    def _rate(self, sample_rate: int) -> int:
        rates = CODECS[self.codec][2]
        rate = next((r for r in rates if r >= sample_rate), rates[-1])
        if self.codec == "opus" and self.compression > _OPUS_SPEECH:
            return min(rate, _OPUS_SPEECH_RATE)
        return rate

    def _round_trip(self, audio: np.ndarray, rate: int) -> np.ndarray:
        file_format, subtype, _ = CODECS[self.codec]
        stream = io.BytesIO()
        with soundfile.SoundFile(
            stream,
            "w",
            rate,
            1,
            subtype,
            format=file_format,
            compression_level=self.compression,
        ) as file:
            # A single long write overflows the stack of libsndfile's Vorbis encoder.
            for start in range(0, len(audio), _BLOCK):
                file.write(audio[start : start + _BLOCK])
        stream.seek(0)
        coded, _ = soundfile.read(stream, dtype="float32")
        return np.pad(coded, (0, max(0, len(audio) - len(coded))))[: len(audio)]
