"""How a performance is played: randomly drawn programs, soundfonts, tempo and touch."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pretty_midi

from tfaudiogan.audio.draws import seed as draw_seed
from tfaudiogan.audio.draws import uniform
from tfaudiogan.errors import InputError
from tfaudiogan.making.drums import drum_pattern
from tfaudiogan.making.performance import LEAD_S, Performance
from tfaudiogan.making.soundfonts import Soundfont
from tfaudiogan.making.synthesis import check_same_synthesis, synthesizer_version
from tfaudiogan.making.synthesizer import GAIN, Synthesizer

_PIANO_WEIGHTS = {0: 3, 1: 2, 3: 1}
_DRUMS_SHARE = 0.6
_SPLIT_PITCHES = (50, 66)
_TRANSPOSITIONS = (-5, 6)
_TEMPOS = (0.85, 1.15)
_VELOCITIES = (0.75, 1.2)


@dataclass(frozen=True)
class Playing:
    """Draw how excerpts are played, and play them.

    Args:
        soundfonts: one or more soundfonts, which are equally likely.
        piano: share of excerpts played by an acoustic piano, if the soundfont has one.
        ensemble: share of excerpts played by two programs, one below and one above a drawn pitch;
            60 % of them have drums, if the soundfont has any. Other excerpts are played by one
            program.

    Raises:
        InputError: if there is no soundfont, or the shares are negative or exceed 1 together.
    """

    soundfonts: tuple[Soundfont, ...]
    piano: float = 0.4
    ensemble: float = 0.25

    def __post_init__(self) -> None:
        if not self.soundfonts:
            raise InputError(
                "no soundfont; give --soundfont FILE, once or more (docs/soundfonts.md names some)"
            )
        if min(self.piano, self.ensemble) < 0 or self.piano + self.ensemble > 1:
            raise InputError(
                f"shares of piano {self.piano:g} and ensemble {self.ensemble:g}; "
                "expected 0 or more each, and at most 1 together"
            )

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw settings for ``play``, ready for JSON."""
        font = self.soundfonts[int(rng.integers(len(self.soundfonts)))]
        kind = rng.random()
        pianos = [p for p in font.programs for _ in range(_PIANO_WEIGHTS.get(p, 0))]
        drums = None
        if kind < self.piano and pianos:
            parts = [[int(rng.choice(pianos)), 0, 127]]
        elif kind < self.piano + self.ensemble:
            pitch = int(rng.integers(*_SPLIT_PITCHES))
            low, high = (int(program) for program in rng.choice(font.programs, 2))
            parts = [[low, 0, pitch - 1], [high, pitch, 127]]
            if rng.random() < _DRUMS_SHARE and font.drums:
                drums = draw_seed(rng)
        else:
            parts = [[int(rng.choice(font.programs)), 0, 127]]
        return {
            "parts": parts,
            "drums": drums,
            "transposition": int(rng.integers(*_TRANSPOSITIONS)),
            "tempo": uniform(rng, _TEMPOS),
            "velocity": uniform(rng, _VELOCITIES),
            "soundfont": font.path.name,
            "soundfont_sha256": font.sha256,
            "synthesizer": synthesizer_version(),
            "gain": GAIN,
        }

    def play(
        self,
        performance: Performance,
        settings: Mapping[str, Any],
        position: float,
        samples: int,
        sample_rate: int,
    ) -> np.ndarray:
        """Play an excerpt, ``(samples,)`` float32.

        Args:
            performance: performance from which the excerpt is cut.
            settings: settings from ``draw``.
            position: position of the excerpt (``Performance.start_of``).
            samples: length of the excerpt.
            sample_rate: in hertz.

        Raises:
            InputError: if it cannot be played.
        """
        sha256 = settings["soundfont_sha256"]
        path = next(font.path for font in self.soundfonts if font.sha256 == sha256)
        check_same_synthesis(path, sha256, settings["synthesizer"])
        seconds, tempo = samples / sample_rate, settings["tempo"]
        cut = performance.cut(
            performance.start_of(position, seconds * tempo),
            seconds,
            tempo=tempo,
            transposition=settings["transposition"],
            velocity=settings["velocity"],
        )
        instruments = [i for part in settings["parts"] for i in _played_by(cut, *part)]
        if settings["drums"] is not None:
            instruments.append(drum_pattern(settings["drums"], LEAD_S + seconds))
        lead = round(LEAD_S * sample_rate)
        synthesizer = _synthesizer(path, sample_rate, settings["gain"])
        return synthesizer.play(instruments, lead + samples)[lead:]


@lru_cache(maxsize=16)
def _synthesizer(path: Path, sample_rate: int, gain: float) -> Synthesizer:
    """Return the process's synthesizer for a soundfont."""
    return Synthesizer(path, sample_rate, gain)


def _played_by(
    instruments: list[pretty_midi.Instrument], program: int, low: int, high: int
) -> list[pretty_midi.Instrument]:
    """Return the notes of each instrument between two pitches, played by a program."""
    played = []
    for instrument in instruments:
        part = pretty_midi.Instrument(program)
        part.notes = [note for note in instrument.notes if low <= note.pitch <= high]
        part.control_changes = instrument.control_changes
        part.pitch_bends = instrument.pitch_bends
        if part.notes:
            played.append(part)
    return played
