"""The gain convention: how loud a signal is, and the gain that brings it to the common level.

A signal's level is the root mean square of its sounding blocks, in dB relative to full scale
(dBFS): blocks of ``BLOCK`` samples without overlap, over all channels together, those below
``GATE_DBFS`` left out. Networks are trained on, and fed with, signals at ``COMMON_LEVEL_DBFS``; the
gain that brought an input there is undone on the output. A gain is positive, so the balance of
channels and the dynamics within a recording stay as they are.
"""

import math

import numpy as np

BLOCK = 1024
GATE_DBFS = -60.0
COMMON_LEVEL_DBFS = -20.0


def db_to_gain(db: float) -> float:
    """Amplitude factor of a gain in decibels: 20 dB is a factor of 10."""
    return 10.0 ** (db / 20.0)


def gain_to_db(gain: float) -> float:
    """Decibels of an amplitude factor: a factor of 10 is 20 dB; 0 is minus infinity."""
    return 20.0 * math.log10(gain) if gain > 0 else -math.inf


def block_power(audio: np.ndarray) -> np.ndarray:
    """Mean power of each block of ``BLOCK`` samples, over all channels.

    Args:
        audio: ``(samples,)`` or ``(samples, channels)``; the last block may be shorter.

    Returns:
        ``(ceil(samples / BLOCK),)`` float64.
    """
    whole = len(audio) // BLOCK
    blocks = audio[: whole * BLOCK].reshape(whole, BLOCK * math.prod(audio.shape[1:]))
    power = np.einsum("ij,ij->i", blocks, blocks, dtype=np.float64) / blocks.shape[1]
    rest = audio[whole * BLOCK :]
    return np.append(power, np.square(rest, dtype=np.float64).mean()) if len(rest) else power


class LevelMeter:
    """Measures a level piece by piece, in constant memory.

    ``add`` takes consecutive pieces of any length; ``level_dbfs`` is right once all were added,
    and equal to that of the whole signal at once.
    """

    def __init__(self) -> None:
        self._rest: np.ndarray | None = None
        self._power = 0.0
        self._samples = 0

    def add(self, audio: np.ndarray) -> None:
        """Take the next piece, ``(samples,)`` or ``(samples, channels)``."""
        if self._rest is not None:
            audio = np.concatenate([self._rest, audio])
        whole = len(audio) // BLOCK * BLOCK
        self._count(block_power(audio[:whole]), BLOCK)
        self._rest = audio[whole:]

    def _count(self, power: np.ndarray, samples: int) -> None:
        sounding = power[power > db_to_gain(GATE_DBFS) ** 2]
        self._power += float(sounding.sum()) * samples
        self._samples += len(sounding) * samples

    @property
    def level_dbfs(self) -> float | None:
        """The level so far; ``None`` where nothing is above the gate."""
        power, samples = self._power, self._samples
        if self._rest is not None and len(self._rest):
            (last,) = block_power(self._rest)
            if last > db_to_gain(GATE_DBFS) ** 2:
                power, samples = power + last * len(self._rest), samples + len(self._rest)
        return 10.0 * math.log10(power / samples) if samples else None


def measure_level(audio: np.ndarray) -> float | None:
    """Level in dBFS of a whole signal; ``None`` where nothing is above the gate.

    Example: a sine of amplitude 1 has a level of -3.01 dBFS.
    """
    meter = LevelMeter()
    meter.add(audio)
    return meter.level_dbfs


def gain_to_common_level(level_dbfs: float | None, common_dbfs: float = COMMON_LEVEL_DBFS) -> float:
    """Amplitude factor from a level to the common one; 1 for silence."""
    return 1.0 if level_dbfs is None else db_to_gain(common_dbfs - level_dbfs)
