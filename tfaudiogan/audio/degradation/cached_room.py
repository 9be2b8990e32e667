"""Room responses that are computed once: images of a room take longer than all other stages."""

import functools
import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from tfaudiogan.audio.degradation.chain import Chain
from tfaudiogan.audio.degradation.presets import Mixture, OneOf, Preset
from tfaudiogan.audio.degradation.room import Room, require_pyroomacoustics
from tfaudiogan.audio.draws import named_generator
from tfaudiogan.audio.filters import convolve
from tfaudiogan.storage import replacing


@dataclass(frozen=True)
class CachedRoom:
    """A room whose response is read from a folder, or computed and put there.

    The samples are those of the room itself. A damaged file is written anew.
    """

    room: Room
    folder: Path

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Play ``(samples,)`` in the room."""
        if not len(audio):
            return audio.astype(np.float32)
        return convolve(audio, *self.response(sample_rate))

    def response(self, sample_rate: int) -> tuple[np.ndarray, int]:
        """As ``Room.response``."""
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
    """The chain with the responses of its rooms from a folder; it gives the same samples."""
    return Chain(tuple(CachedRoom(s, folder) if isinstance(s, Room) else s for s in chain.stages))


@dataclass(frozen=True)
class BankedDraw:
    """Draws one of ``size`` rooms, which depend on the seed and the ranges alone."""

    draw: "functools.partial[Room]"
    seed: int
    size: int

    def __call__(self, rng: np.random.Generator) -> Room:
        """Draw which room."""
        ranges = sorted(self.draw.keywords.items())
        return self.draw(named_generator(self.seed, f"{int(rng.integers(self.size))} {ranges}"))


def with_room_bank(preset: Preset | Mixture, seed: int, size: int) -> Preset | Mixture:
    """The preset with a bank of so many rooms in the place of each of its ranges of rooms."""
    if isinstance(preset, Mixture):
        parts = tuple((share, with_room_bank(part, seed, size)) for share, part in preset.parts)
        return Mixture(parts)
    stages = tuple((chance, _banked(draw, seed, size)) for chance, draw in preset.stages)
    return replace(preset, stages=stages)


def _banked(draw: Callable, seed: int, size: int) -> Callable:
    if isinstance(draw, OneOf):
        return OneOf(tuple(_banked(other, seed, size) for other in draw.draws))
    if isinstance(draw, functools.partial) and draw.func == Room.draw:
        return BankedDraw(draw, seed, size)
    return draw
