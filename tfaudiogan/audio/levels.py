"""Level of a signal, and the gain that brings it to the common level.

A signal's level is the root mean square of its sounding blocks over all channels, in dB relative to
full scale (dBFS). Blocks have ``BLOCK`` samples and do not overlap; those below ``GATE_DBFS`` are
ignored. Networks are trained and run on signals at ``COMMON_LEVEL_DBFS``; the gain that brought an
input there is undone on the output. One gain applies to a whole recording, so its dynamics and the
balance of its channels do not change.
"""

import math

import numpy as np

BLOCK = 1024
GATE_DBFS = -60.0
COMMON_LEVEL_DBFS = -20.0
SILENCE_DBFS = -140.0
"""Below the smallest step of 24 bits."""


def db_to_gain(db: float) -> float:
    """Convert a gain in decibels to an amplitude factor: 20 dB is a factor of 10."""
    return 10.0 ** (db / 20.0)


def gain_to_db(gain: float) -> float:
    """Convert an amplitude factor to decibels: a factor of 10 is 20 dB; 0 is minus infinity."""
    return 20.0 * math.log10(gain) if gain > 0 else -math.inf


def block_power(audio: np.ndarray) -> np.ndarray:
    """Compute the mean power of each block of ``BLOCK`` samples, over all channels.

    Args:
        audio: ``(samples,)`` or ``(samples, channels)``; the last block may be shorter.

    Returns:
        ``(ceil(samples / BLOCK),)`` float64.
    """
    whole = len(audio) // BLOCK
    blocks = audio[: whole * BLOCK].reshape(whole, BLOCK * math.prod(audio.shape[1:]))
    power = np.einsum("ij,ij->i", blocks, blocks, dtype=np.float64) / blocks.shape[1]
    last = audio[whole * BLOCK :]
    return np.append(power, np.square(last, dtype=np.float64).mean()) if len(last) else power


class LevelMeter:
    """Measure a level piece by piece, in constant memory.

    ``add`` takes consecutive pieces of any length. Once all are added, ``level_dbfs`` equals the
    level of the whole signal measured at once.
    """

    def __init__(self) -> None:
        self._pending: np.ndarray | None = None
        self._power = 0.0
        self._samples = 0
        self._energy = 0.0
        self._length = 0

    def add(self, audio: np.ndarray) -> None:
        """Measure the next piece, ``(samples,)`` or ``(samples, channels)``."""
        if self._pending is not None:
            audio = np.concatenate([self._pending, audio])
        whole = len(audio) // BLOCK * BLOCK
        self._count(block_power(audio[:whole]), BLOCK)
        self._pending = audio[whole:]

    def _count(self, power: np.ndarray, samples: int) -> None:
        self._energy += float(power.sum()) * samples
        self._length += len(power) * samples
        sounding = power[power > db_to_gain(GATE_DBFS) ** 2]
        self._power += float(sounding.sum()) * samples
        self._samples += len(sounding) * samples

    @property
    def level_dbfs(self) -> float | None:
        """The level so far; ``None`` if nothing is above the gate."""
        power, samples = self._power, self._samples
        if self._pending is not None and len(self._pending):
            (last,) = block_power(self._pending)
            if last > db_to_gain(GATE_DBFS) ** 2:
                power, samples = power + last * len(self._pending), samples + len(self._pending)
        return 10.0 * math.log10(power / samples) if samples else None

    @property
    def ungated_dbfs(self) -> float | None:
        """The level of everything so far, without the gate; ``None`` below ``SILENCE_DBFS``."""
        energy, length = self._energy, self._length
        if self._pending is not None and len(self._pending):
            (last,) = block_power(self._pending)
            energy, length = energy + last * len(self._pending), length + len(self._pending)
        power = energy / length if length else 0.0
        return 10.0 * math.log10(power) if power > db_to_gain(SILENCE_DBFS) ** 2 else None


def measure_level(audio: np.ndarray) -> float | None:
    """Measure the level of a whole signal in dBFS; ``None`` if nothing is above the gate.

    Example: a sine of amplitude 1 has a level of -3.01 dBFS.
    """
    meter = LevelMeter()
    meter.add(audio)
    return meter.level_dbfs


def gain_to_common_level(level_dbfs: float | None, common_dbfs: float = COMMON_LEVEL_DBFS) -> float:
    """Return the amplitude factor that brings a level to the common level; 1 for silence."""
    return 1.0 if level_dbfs is None else db_to_gain(common_dbfs - level_dbfs)
