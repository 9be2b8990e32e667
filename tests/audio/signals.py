"""Signals and measurements that several tests share."""

import numpy as np
from scipy import signal


def noise(samples: int, seed: int = 0, level: float = 0.1) -> np.ndarray:
    """White Gaussian noise, ``(samples,)`` float32."""
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(samples)).astype(np.float32)


def sine(hz: float, sample_rate: int, seconds: float, amplitude: float = 0.5) -> np.ndarray:
    """A sine that starts at phase 0, ``(samples,)`` float32."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return (amplitude * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def lag(first: np.ndarray, second: np.ndarray) -> int:
    """Return the delay of the second signal in samples, from the peak of the cross-correlation."""
    products = signal.correlate(second, first, mode="full", method="fft")
    return int(np.argmax(np.abs(products))) - (len(first) - 1)


def amplitude(audio: np.ndarray, hz: float, sample_rate: int) -> float:
    """Return the amplitude of a sine, from whole periods in the middle half of a signal."""
    quarter = len(audio) // 4
    middle = audio[quarter : len(audio) - quarter].astype(np.float64)
    time = np.arange(len(middle)) / sample_rate
    window = np.hanning(len(middle))
    return 2 * abs(np.sum(window * middle * np.exp(-2j * np.pi * hz * time))) / window.sum()


def plucks(time: np.ndarray, seed: int = 0, instrument: int = 0) -> np.ndarray:
    """Return notes at random times as a function of time in seconds, for any clock and delay.

    Another ``instrument`` plays the same notes with a slightly different tuning and other phases.
    """
    rng, sound = np.random.default_rng(seed), np.random.default_rng(1000 + instrument)
    audio = np.zeros(len(time))
    moment = 0.5
    while moment < time[-1]:
        hz = 110 * 2 ** (rng.integers(0, 25) / 12)
        loudness = rng.uniform(0.3, 1.0)
        start, stop = np.searchsorted(time, [moment, moment + 1.0])
        age = time[start:stop] - moment
        attack = (1 - np.exp(-500 * age)) ** 3  # smooth, so that the signal is near band-limited
        for partial in range(1, 8):
            frequency = hz * partial * (1 + 0.02 * sound.standard_normal())
            phase = 2 * np.pi * (frequency * age + sound.random())
            decay = loudness / partial * np.exp(-(4 + partial) * age)
            audio[start:stop] += attack * decay * np.sin(phase)
        moment += rng.uniform(0.1, 0.5)
    return (0.2 * audio).astype(np.float32)
