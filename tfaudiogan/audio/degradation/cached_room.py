"""A cache of room responses, whose simulation takes longer than all other stages together."""

import functools
import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from tfaudiogan.audio.degradation.chain import Chain
from tfaudiogan.audio.degradation.presets import DegradationPreset, Mixture, OneOf
from tfaudiogan.audio.degradation.room import Room, require_pyroomacoustics
from tfaudiogan.audio.draws import named_generator
from tfaudiogan.audio.filters import convolve
from tfaudiogan.storage import replacing


@dataclass(frozen=True)
class CachedRoom:
    """A room whose response is read from a folder, or computed and stored there.

    Its output is identical to that of the room. A damaged file is replaced.
    """

    room: Room
    folder: Path

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Play ``(samples,)`` in the room."""
        if not len(audio):
            return audio.astype(np.float32)
        return convolve(audio, *self.response(sample_rate))

    def response(self, sample_rate: int) -> tuple[np.ndarray, int]:
        """Return what ``Room.response`` returns."""
        path = self.folder / f"{self._key(sample_rate)}.npz"
        try:
            with np.load(path) as stored:
                return stored["response"], int(stored["direct"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            response, direct = self.room.response(sample_rate)
        with replacing(path) as temporary:
            np.savez(temporary, response=response, direct=direct)
        return response, direct

    def _key(self, sample_rate: int) -> str:
        require_pyroomacoustics()
        import pyroomacoustics

        values = [asdict(self.room), sample_rate, pyroomacoustics.__version__]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:24]


def cache_rooms(chain: Chain, folder: Path) -> Chain:
    """Return a chain with the same output that caches the responses of its rooms in a folder."""
    return Chain(tuple(CachedRoom(s, folder) if isinstance(s, Room) else s for s in chain.stages))


@dataclass(frozen=True)
class BankedDraw:
    """Draw one of ``size`` rooms, which depend only on the seed and on the ranges of ``draw``."""

    draw: "functools.partial[Room]"
    seed: int
    size: int

    def __call__(self, rng: np.random.Generator) -> Room:
        """Draw one of the rooms."""
        ranges = sorted(self.draw.keywords.items())
        return self.draw(named_generator(self.seed, f"{int(rng.integers(self.size))} {ranges}"))


def with_room_bank(
    preset: DegradationPreset | Mixture, seed: int, size: int
) -> DegradationPreset | Mixture:
    """Return the preset with each of its ranges of rooms replaced by a bank of ``size`` rooms."""
    if isinstance(preset, Mixture):
        parts = tuple((share, with_room_bank(part, seed, size)) for share, part in preset.parts)
        return Mixture(parts)
    stages = tuple((chance, _banked(draw, seed, size)) for chance, draw in preset.stages)
    return replace(preset, stages=stages)


def _banked(draw: Callable, seed: int, size: int) -> Callable:
    if isinstance(draw, OneOf):
        return OneOf(tuple(_banked(option, seed, size) for option in draw.draws))
    if isinstance(draw, functools.partial) and draw.func == Room.draw:
        return BankedDraw(draw, seed, size)
    return draw
