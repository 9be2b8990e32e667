"""Music-like signals, for comparisons that need realistic audio."""

import numpy as np


def notes(samples, rate=44100, seed=0):
    """Decaying harmonic tones that begin every quarter of a second; ``(samples,)`` float32."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / rate
    audio = np.zeros(samples)
    for onset in np.arange(0, samples / rate, 0.25):
        pitch = 55 * 2 ** (rng.integers(0, 48) / 12)
        age = np.clip(time - onset, 0, None)
        for harmonic in range(1, 6):
            tone = np.sin(2 * np.pi * pitch * harmonic * age) * np.exp(-3 * harmonic * age)
            audio += 0.1 / harmonic * tone * (time >= onset)
    return audio.astype(np.float32)


def signal_to_error_db(signal, other):
    """Return the power of a signal relative to the power of the error of another, in dB."""
    return 10 * np.log10(np.sum(np.square(signal)) / np.sum(np.square(signal - other)))
