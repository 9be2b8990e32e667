"""MP3 files that do not state their length.

Most MP3 files begin with a frame that states how many frames follow (Xing, Info or VBRI). Without
it, libsndfile estimates the length from the size of the file and the bit rate of its first frame. A
variable bit rate or a tag with a picture makes that estimate wrong, and libsndfile then returns too
few samples without an error.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_MPEG_1 = 3
_LAYER_3 = 1
_MONO = 3
_KBPS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates of MPEG-1 and of MPEG-2 and 2.5 by the index in a frame's header."""

_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Sample rates by the index in a frame's header, for MPEG-1, 2 and 2.5."""

_SEARCHED = 4096
_STATES_FRAMES = 1


def with_length(path: Path) -> bytes | None:
    """Return an MP3 file's content behind a frame that states its length.

    Returns:
        ``None`` if the file states its length itself, or has no frames.
    """
    with path.open("rb") as stream:
        start = _after_tags(stream)
        stream.seek(start)
        beginning = stream.read(_SEARCHED)
        if any(name in beginning for name in (b"Xing", b"Info", b"VBRI")):
            return None
        content = beginning + stream.read()
    positions = list(_frames(content))
    if not positions:
        return None
    frames = content[positions[0] :]
    return _length_frame(frames[:4], len(positions)) + frames


def _after_tags(stream: BinaryIO) -> int:
    """Return the position after the ID3v2 tags at the beginning of a file."""
    position = 0
    while True:
        stream.seek(position)
        header = stream.read(10)
        if len(header) < 10 or header[:3] != b"ID3":
            return position
        size = 0
        for byte in header[6:]:
            size = size << 7 | byte & 0x7F
        position += 10 + size + 10 * bool(header[5] & 0x10)


def _frames(content: bytes) -> Iterator[int]:
    """Yield the position of each Layer III frame; what lies between frames is skipped.

    A frame counts if another one or the end follows it, because audio data can look like a header.
    """
    position = content.find(b"\xff")
    while position >= 0:
        length = _frame_bytes(content[position : position + 4])
        after = position + length
        if length and (_frame_bytes(content[after : after + 4]) or after >= len(content)):
            yield position
            position = after
            while length := _frame_bytes(content[position : position + 4]):
                yield position
                position += length
        position = content.find(b"\xff", position + 1)


def _frame_bytes(header: bytes) -> int:
    """Return the length of the frame that a header begins, or 0 if it is not one of Layer III."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bit_rate, rate = header[2] >> 4, header[2] >> 2 & 3
    if version not in _RATES or layer != _LAYER_3 or bit_rate in (0, 15) or rate == 3:
        return 0
    is_first = version == _MPEG_1
    samples = 144_000 if is_first else 72_000
    return samples * _KBPS[is_first][bit_rate] // _RATES[version][rate] + (header[2] >> 1 & 1)


def _length_frame(header: bytes, frames: int) -> bytes:
    """Return a silent frame like the one of ``header`` that states the number of frames."""
    is_first, is_mono = header[1] >> 3 & 3 == _MPEG_1, header[3] >> 6 == _MONO
    side_information = (17 if is_mono else 32) if is_first else (9 if is_mono else 17)
    statement = b"Xing" + struct.pack(">II", _STATES_FRAMES, frames)
    needed = 4 + side_information + len(statement)
    # Without a checksum, without padding, and with the lowest sufficient bit rate.
    for index in range(1, 15):
        own = bytes([0xFF, header[1] | 1, index << 4 | header[2] & 0x0C, header[3]])
        if _frame_bytes(own) >= needed:
            break
    return (own + bytes(side_information) + statement).ljust(_frame_bytes(own), b"\0")
