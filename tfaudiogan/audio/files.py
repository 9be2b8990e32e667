"""Read and write WAV, FLAC, Ogg Vorbis, Opus, MP3 and AIFF files, whole or block by block."""

import io
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tfaudiogan.audio.mpeg import with_length
from tfaudiogan.audio.resampling import resample
from tfaudiogan.errors import InputError
from tfaudiogan.storage import replacing

BLOCK_SAMPLES = 1 << 16
LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
_CONTAINERS = {
    ".wav": ("WAV", None),
    ".flac": ("FLAC", None),
    ".aiff": ("AIFF", None),
    ".aif": ("AIFF", None),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
EXTENSIONS = tuple(_CONTAINERS)
"""Extensions that can be written. Files are read by their content, whatever their extension."""
MP3_DELAY = 2_304
"""Samples, two frames, by which the header of an MP3 may exceed what a decoder returns.

Encoders differ in whether they count their own delay and that of the decoder."""
_SHALLOW = ("PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "GSM610")
_LOSSY_COMPRESSION = 0.2
_LARGEST_RIFF = 2**32 - 2**16
_BYTES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}


def check_sample_rate(rate: int, what: str) -> int:
    """Return ``rate`` if it is a plausible sample rate.

    Raises:
        InputError: if it is not; the message names ``what`` has that rate.
    """
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise InputError(
            f"{what} has a sample rate of {rate} Hz; expected {LOWEST_RATE} to {HIGHEST_RATE}"
        )
    return rate


class AudioReader:
    """Read an audio file block by block, as often as needed.

    Attributes:
        path: the file.
        sample_rate: in hertz.
        channels: number of channels.
        samples: samples in each channel, as the file's header states them; they are counted in an
            MP3 file that does not state them.
        subtype: libsndfile's name of the encoding: ``"PCM_16"``, ``"VORBIS"`` …

    Raises:
        InputError: if the file is missing, empty, truncated, or not audio that libsndfile can read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._content: bytes | None = None
        with self._open() as file:
            is_mp3 = (file.format, file.subtype) == ("MP3", "MPEG_LAYER_III")
            self.sample_rate = check_sample_rate(file.samplerate, str(self.path))
            self.channels = file.channels
            self.samples = file.frames
            self.subtype = file.subtype
        if is_mp3:
            self._content = with_length(self.path)
            with self._open() as file:
                self.samples = file.frames
        if not self.samples:
            raise InputError(f"{self.path} holds no samples; give a recording that isn't empty")
        missing = _missing_bytes(self.path)
        if missing:
            raise InputError(
                f"{self.path} is truncated: {missing} bytes that its header announces are missing; "
                "copy it again"
            )

    @property
    def seconds(self) -> float:
        """Length of the recording, in seconds."""
        return self.samples / self.sample_rate

    def blocks(self, samples: int = BLOCK_SAMPLES) -> Iterator[np.ndarray]:
        """Yield the whole file in blocks of ``(samples, channels)`` float32, from the start.

        Raises:
            InputError: if the data is damaged, ends early, or holds NaN or infinity.
        """
        done = 0
        with self._open() as file:
            while True:
                try:
                    block = file.read(samples, dtype="float32", always_2d=True)
                except soundfile.SoundFileError as error:
                    raise InputError(
                        f"{self.path} is damaged after {done / self.sample_rate:.2f} s "
                        f"({_reason(error)}); copy or convert it again"
                    ) from error
                if not len(block):
                    break
                finite = np.isfinite(block)
                if not finite.all():
                    first = done + int(np.argmin(finite.all(axis=1)))
                    raise InputError(
                        f"{self.path} holds NaN or infinity at sample {first}; give a file with "
                        "finite samples"
                    )
                done += len(block)
                yield block
        lacking = self.samples - done
        if self.subtype.startswith("MPEG_LAYER") and 0 < lacking <= MP3_DELAY and done:
            yield np.zeros((lacking, self.channels), np.float32)
        elif lacking > 0:
            raise InputError(
                f"{self.path} is truncated: its header announces {self.samples} samples, but it "
                f"holds {done}; copy or convert it again"
            )

    def read(self, start: int, samples: int) -> np.ndarray:
        """Return a part of the file, ``(samples, channels)`` float32, shorter at the file's end.

        Raises:
            InputError: if the data is damaged, or holds NaN or infinity.
        """
        try:
            with self._open() as file:
                file.seek(start)
                audio = file.read(samples, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise InputError(
                f"{self.path} cannot be read at sample {start} ({_reason(error)}); copy or convert "
                "it again"
            ) from error
        if not np.isfinite(audio).all():
            raise InputError(f"{self.path} holds NaN or infinity; give a file with finite samples")
        return audio

    def _open(self) -> soundfile.SoundFile:
        if not self.path.is_file():
            state = "is a folder" if self.path.is_dir() else "does not exist"
            raise InputError(f"{self.path} {state}; give an audio file")
        try:
            return soundfile.SoundFile(io.BytesIO(self._content) if self._content else self.path)
        except (soundfile.SoundFileError, TypeError) as error:
            raise InputError(
                f"{self.path} cannot be read as audio ({_reason(error)}); convert it to WAV or FLAC"
            ) from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).removeprefix("Error : ").rstrip(".")


def _missing_bytes(path: Path) -> int:
    """Return how many bytes a RIFF file's data chunk lacks, which libsndfile does not report."""
    with path.open("rb") as stream:
        if stream.read(4) != b"RIFF":
            return 0
        size = stream.seek(0, io.SEEK_END)
        position = 12
        while position + 8 <= size:
            stream.seek(position)
            name, length = struct.unpack("<4sI", stream.read(8))
            if name == b"data":
                unknown = length == 0xFFFFFFFF  # Programs that write to a pipe leave it like this.
                return 0 if unknown else max(0, position + 8 + length - size)
            position += 8 + length + length % 2
    return 0


def read_audio(
    path: Path | str, sample_rate: int | None = None, mono: bool = False
) -> tuple[np.ndarray, int]:
    """Read a whole file.

    Args:
        path: any file that libsndfile can read.
        sample_rate: rate to resample to, in hertz; the file's rate by default.
        mono: whether to mix the channels down to their mean.

    Returns:
        ``(samples,)`` float32, or ``(samples, channels)`` if there is more than one channel; and
        the sample rate.

    Raises:
        InputError: as ``AudioReader`` and its ``blocks``.
    """
    reader = AudioReader(path)
    audio = np.concatenate(list(reader.blocks()))
    if mono:
        audio = audio.mean(axis=1, keepdims=True)
    if sample_rate is not None:
        audio = resample(audio, reader.sample_rate, check_sample_rate(sample_rate, "the output"))
    return (audio[:, 0] if audio.shape[1] == 1 else audio), sample_rate or reader.sample_rate


class AudioWriter:
    """Append blocks to the file that ``audio_writer`` opened.

    Attributes:
        clipped: number of samples beyond full scale so far; 0 for files of floats.
        peak: largest magnitude so far.
    """

    def __init__(self, file: soundfile.SoundFile) -> None:
        self.clipped = 0
        self.peak = 0.0
        self._file = file

    def write(self, audio: np.ndarray) -> None:
        """Append ``(samples,)`` or ``(samples, channels)`` floats; 1 is full scale."""
        if not audio.size:
            return
        peak = max(float(audio.max()), -float(audio.min()))
        self.peak = max(self.peak, peak)
        if peak > 1.0 and self._file.subtype != "FLOAT":
            self.clipped += int(np.count_nonzero(np.abs(audio) > 1.0))
        self._file.write(_quantized(audio, self._file.subtype))


@contextmanager
def audio_writer(
    path: Path | str,
    sample_rate: int,
    channels: int,
    *,
    source_subtype: str | None = None,
    floats: bool = False,
    samples: int | None = None,
) -> Iterator[AudioWriter]:
    """Write an audio file block by block; the file appears once it is complete.

    The extension determines the format. WAV, FLAC and AIFF files hold 16-bit integers, or 24-bit
    integers if the recording that the output is made from has more than 16 bits or is lossy.
    Samples beyond full scale are clipped and counted. Lossy formats are written at high quality.

    Args:
        path: where to write.
        sample_rate: in hertz.
        channels: number of channels.
        source_subtype: encoding of the recording that the output is made from.
        floats: whether to write 32-bit floats, which do not clip; for WAV and AIFF.
        samples: samples in each channel, if known: a WAV file over 4 GB is written as RF64.

    Raises:
        InputError: if the extension is unknown, the format cannot hold the signal, or ``path``
            cannot be written to.
        OSError: if the disk is full or fails; its ``filename`` is ``path``.
    """
    path = Path(path)
    container, subtype = _encoding(path, source_subtype, floats)
    if container == "WAV" and (samples or 0) * channels * _BYTES[subtype] > _LARGEST_RIFF:
        container = "RF64"
    with _sound_file(path, sample_rate, channels, container, subtype) as file:
        yield AudioWriter(file)


def write_audio(
    path: Path | str, audio: np.ndarray, sample_rate: int, *, floats: bool = False
) -> int:
    """Write a whole signal, ``(samples,)`` or ``(samples, channels)`` floats; 1 is full scale.

    Returns:
        The number of samples that were beyond full scale and clipped.

    Raises:
        InputError, OSError: as ``audio_writer``.
    """
    channels = 1 if audio.ndim == 1 else audio.shape[1]
    with audio_writer(path, sample_rate, channels, floats=floats, samples=len(audio)) as writer:
        for start in range(0, len(audio), BLOCK_SAMPLES):
            writer.write(audio[start : start + BLOCK_SAMPLES])
    return writer.clipped


def write_pcm16(path: Path | str, audio: np.ndarray, sample_rate: int) -> None:
    """Write ``(samples,)`` int16 unchanged; the extension must be that of a lossless format.

    Raises:
        InputError, OSError: as ``audio_writer``.
    """
    path = Path(path)
    container, subtype = _encoding(path, None, floats=False)
    with _sound_file(path, sample_rate, 1, container, subtype) as file:
        file.write(audio)


@contextmanager
def _sound_file(
    path: Path, sample_rate: int, channels: int, container: str, subtype: str
) -> Iterator[soundfile.SoundFile]:
    with ExitStack() as stack:
        try:
            temporary = stack.enter_context(replacing(path))
            disk = stack.enter_context(_Disk(temporary))
        except OSError as error:
            raise InputError(
                f"cannot write {path} ({error.strerror}); choose another place"
            ) from error
        try:
            with _create(disk, path, sample_rate, channels, container, subtype) as file:
                yield file
        except (soundfile.SoundFileError, AssertionError) as error:
            if disk.error is not None:
                raise OSError(disk.error.errno, disk.error.strerror, str(path)) from error
            raise


def _encoding(path: Path, source_subtype: str | None, floats: bool) -> tuple[str, str]:
    """Return libsndfile's names of container and subtype."""
    extension = path.suffix.lower()
    if extension not in _CONTAINERS:
        raise InputError(f"{path}: unknown extension {extension!r}; use {', '.join(EXTENSIONS)}")
    container, subtype = _CONTAINERS[extension]
    if floats:
        if container not in ("WAV", "AIFF"):
            raise InputError(f"{path}: {extension} cannot hold floats; use .wav")
        return container, "FLOAT"
    if subtype is None:
        shallow = source_subtype is None or source_subtype in _SHALLOW
        subtype = "PCM_16" if shallow else "PCM_24"
    return container, subtype


def _quantized(audio: np.ndarray, subtype: str) -> np.ndarray:
    """Round to integers if the file holds integers; libsndfile would truncate instead."""
    if subtype not in ("PCM_16", "PCM_24"):
        return audio
    bits = 8 * _BYTES[subtype]
    full_scale = 2 ** (bits - 1)
    # Exact in float32 too: a power of two, and bounds that its 24 bits hold.
    integers = audio * audio.dtype.type(full_scale)
    np.clip(integers, -full_scale, full_scale - 1, out=integers)
    np.rint(integers, out=integers)
    if bits == 16:
        return integers.astype(np.int16)
    return integers.astype(np.int32) << 8


def _create(
    disk: "_Disk", path: Path, sample_rate: int, channels: int, container: str, subtype: str
) -> soundfile.SoundFile:
    lossless = subtype in _BYTES
    try:
        return soundfile.SoundFile(
            disk,
            "w",
            check_sample_rate(sample_rate, str(path)),
            channels,
            subtype,
            format=container,
            compression_level=None if lossless else _LOSSY_COMPRESSION,
        )
    except (soundfile.SoundFileError, ValueError) as error:
        if disk.error is not None or isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: this format cannot hold {channels} channels at {sample_rate} Hz "
            f"({_reason(error)}); use .wav or .flac"
        ) from error


class _Disk(io.FileIO):
    """A file that keeps the first error of the disk, which libsndfile would not report."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        view, done = memoryview(data), 0
        try:
            while done < len(view):
                done += super().write(view[done:])
        except OSError as error:
            self.error = self.error or error
        return done
