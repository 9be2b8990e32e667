"""A simple drum pattern to accompany an ensemble."""

import numpy as np
import pretty_midi

_HATS = (42, 46, 51, 70)
_KICKS = (35, 36)
_SNARES = (37, 38, 39, 40)
_STEPS = 8


def drum_pattern(seed: int, seconds: float) -> pretty_midi.Instrument:
    """Return eighth notes of a hi-hat, a random kick drum pattern, and a snare on two and four.

    Args:
        seed: random seed of the pattern, including its tempo of 70 to 150 beats per minute.
        seconds: length of the pattern.
    """
    rng = np.random.default_rng(seed)
    step = 30.0 / rng.uniform(70.0, 150.0)
    hat, kick, snare = (int(rng.choice(keys)) for keys in (_HATS, _KICKS, _SNARES))
    kicks = rng.random(_STEPS) < 0.4
    kicks[0] = True
    drums = pretty_midi.Instrument(0, is_drum=True)
    for number, time in enumerate(np.arange(rng.uniform(0.0, step), seconds, step)):
        played = [(hat, 50, 100)] if rng.random() < 0.85 else []
        played += [(kick, 80, 120)] if kicks[number % _STEPS] else []
        played += [(snare, 70, 120)] if number % _STEPS in (2, 6) else []
        for pitch, low, high in played:
            note = pretty_midi.Note(int(rng.integers(low, high)), pitch, time, time + 0.1)
            drums.notes.append(note)
    return drums
