"""Gravis Ultrasound patches that tests read."""

import struct

RATE = 8000


def patch(samples: list[tuple[bytes, int, tuple[int, int], int]]) -> bytes:
    """Return a patch of samples: PCM, root in mHz, loop in bytes, and modes."""
    header = bytearray(239)
    header[:12] = b"GF1PATCH110\0"
    header[198] = len(samples)
    data = bytes(header)
    for pcm, root, (start, end), modes in samples:
        data += struct.pack("<7sB3IH3I", b"note", 0, len(pcm), start, end, RATE, 0, 0, root)
        data += bytes(21) + bytes([modes]) + bytes(40) + pcm
    return data
