"""The lossy codec a recording is kept or sent in."""

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
"""File format and subtype in libsndfile, and the sample rates that the codec takes."""

_BLOCK = 1 << 15
_PEAK = 0.5
_OPUS_SPEECH = 0.75
_OPUS_SPEECH_RATE = 16000


@dataclass(frozen=True)
class Codec:
    """Encode and decode with libsndfile, in memory; aligned to the sample, of the same length.

    libsndfile takes out the delays of all three, but for one: below about 64 kbit/s Opus may turn
    to its speech coder, which above 16 kHz runs ahead by 1 to 2 samples. So it goes through 16 kHz
    there (compression over 0.75), as calls and voice messages do. Else a sample rate that the codec
    doesn't know goes through the next higher one that it knows.

    Args:
        codec: one of ``CODECS``.
        compression: libsndfile's compression level, 0 (best) up to, not including, 1. Opus has
            256 to 6 kbit/s; Vorbis and MP3 (variable bit rate) at 44.1 kHz about 55 at 0.5 and 45
            at 0.9.

    Raises:
        ValueError: for an unknown codec, or a compression out of range.
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
        """Any codec with equal chance."""
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
            # One long write overflows the stack of libsndfile's Vorbis encoder.
            for start in range(0, len(audio), _BLOCK):
                file.write(audio[start : start + _BLOCK])
        stream.seek(0)
        coded, _ = soundfile.read(stream, dtype="float32")
        return np.pad(coded, (0, max(0, len(audio) - len(coded))))[: len(audio)]
