"""The whole way from a source to a phone's file, and how to draw one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from tfaudiogan.audio.degradation.clipping import Clipping
from tfaudiogan.audio.degradation.codec import Codec
from tfaudiogan.audio.degradation.gain import AutomaticGain
from tfaudiogan.audio.degradation.microphone import Microphone
from tfaudiogan.audio.degradation.noise import BackgroundNoise, ThermalNoise
from tfaudiogan.audio.degradation.resampling import Resampling
from tfaudiogan.audio.degradation.room import Room
from tfaudiogan.audio.filters import LowPass
from tfaudiogan.audio.levels import gain_to_common_level, measure_level
from tfaudiogan.errors import InputError


class Stage(Protocol):
    """One thing that happens to the sound: parameters drawn once, applied as often as wanted.

    A frozen dataclass of plain values. ``draw`` makes one from a generator and ranges; calling it
    changes nothing but the signal and draws nothing, so the same parameters give the same samples.
    """

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Take ``(samples,)`` to float32 of the same length, aligned to the sample."""


STAGES: dict[str, type] = {
    "room": Room,
    "noise": BackgroundNoise,
    "microphone": Microphone,
    "gain": AutomaticGain,
    "clipping": Clipping,
    "thermal_noise": ThermalNoise,
    "resampling": Resampling,
    "codec": Codec,
}
"""Every stage by its name in settings, in the order in which they happen to a sound."""

_NAMES = {stage: name for name, stage in STAGES.items()}


@dataclass(frozen=True)
class Chain:
    """Stages one after the other; without any, the sound stays as it is.

    Stages work relative to the signal's level, so the chain brings it to the common level first and
    back at the end: a gain before the chain is the same gain after it.
    """

    stages: tuple[Stage, ...] = ()

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Degrade ``(samples,)`` to float32 of the same length, aligned to the sample."""
        audio = np.asarray(audio, np.float32)
        if not self.stages:
            return audio.copy()
        gain = np.float32(gain_to_common_level(measure_level(audio)))
        audio = audio * gain
        for stage in self.stages:
            audio = stage(audio, sample_rate)
        return audio / gain

    def to_settings(self) -> list[dict[str, Any]]:
        """What the manifest keeps: for each stage its name and parameters."""
        return [{"stage": _NAMES[type(stage)], **asdict(stage)} for stage in self.stages]

    @classmethod
    def from_settings(cls, settings: Sequence[Mapping[str, Any]]) -> "Chain":
        """The chain of ``to_settings``, also after a round trip through JSON."""
        return cls(tuple(_stage(values) for values in settings))


def _stage(settings: Mapping[str, Any]) -> Stage:
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
    kind = STAGES[values.pop("stage")]
    if "low_pass" in values:
        values["low_pass"] = LowPass(**values["low_pass"])
    return kind(**values)


@dataclass(frozen=True)
class Preset:
    """From what chains are drawn.

    Args:
        clean: share of chains without any stage.
        stages: for each its chance, and what draws it from a generator; in physical order.
    """

    clean: float
    stages: tuple[tuple[float, Callable[[np.random.Generator], Stage]], ...]

    def draw(self, rng: np.random.Generator) -> Chain:
        """Draw which stages take part, and their parameters."""
        if rng.random() < self.clean:
            return Chain()
        return Chain(tuple(draw(rng) for chance, draw in self.stages if rng.random() < chance))


PRESETS: dict[str, Preset] = {
    "light": Preset(
        clean=0.2,
        stages=(
            (0.5, partial(Room.draw, rt60_s=(0.15, 0.35), distance_m=(0.2, 0.6))),
            (0.7, partial(BackgroundNoise.draw, snr_db=(25.0, 40.0))),
            (1.0, partial(Microphone.draw, low_cut_hz=(35.0, 90.0), gain_db=6.0)),
            (0.3, partial(AutomaticGain.draw, strength=(0.1, 0.4), max_gain_db=(3.0, 8.0))),
            (0.1, partial(Clipping.draw, headroom_db=(12.0, 18.0))),
            (1.0, partial(ThermalNoise.draw, snr_db=(55.0, 75.0))),
            (0.3, partial(Resampling.draw, rates_hz=(24000, 32000))),
            (0.6, partial(Codec.draw, compression=(0.3, 0.7))),
        ),
    ),
    "phone": Preset(
        clean=0.2,
        stages=(
            (0.7, partial(Room.draw, rt60_s=(0.15, 0.8), distance_m=(0.2, 1.0))),
            (0.8, partial(BackgroundNoise.draw, snr_db=(5.0, 30.0))),
            (1.0, partial(Microphone.draw, low_cut_hz=(35.0, 200.0), gain_db=15.0)),
            (0.6, partial(AutomaticGain.draw, strength=(0.2, 0.7), max_gain_db=(6.0, 15.0))),
            (0.3, partial(Clipping.draw, headroom_db=(6.0, 15.0))),
            (1.0, partial(ThermalNoise.draw, snr_db=(40.0, 65.0))),
            (0.5, partial(Resampling.draw, rates_hz=(11025, 16000, 22050, 24000, 32000))),
            (0.8, partial(Codec.draw, compression=(0.5, 0.95))),
        ),
    ),
    "old-phone": Preset(
        clean=0.2,
        stages=(
            (0.7, partial(Room.draw, rt60_s=(0.2, 0.8), distance_m=(0.2, 1.0))),
            (1.0, partial(BackgroundNoise.draw, snr_db=(5.0, 20.0))),
            (1.0, partial(Microphone.draw, low_cut_hz=(150.0, 350.0), gain_db=15.0)),
            (0.8, partial(AutomaticGain.draw, strength=(0.5, 0.9), max_gain_db=(10.0, 20.0))),
            (0.6, partial(Clipping.draw, headroom_db=(3.0, 10.0))),
            (1.0, partial(ThermalNoise.draw, snr_db=(30.0, 50.0))),
            (1.0, partial(Resampling.draw, rates_hz=(8000, 11025))),
            (1.0, partial(Codec.draw, compression=(0.8, 0.95))),
        ),
    ),
}
"""``phone`` has the ranges of published chains for music and speech; ``light`` is a good phone in a
quiet room, ``old-phone`` one with the bandwidth of a telephone line."""


def degradation_preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        InputError: when there is none.
    """
    if name not in PRESETS:
        raise InputError(f"unknown degradation preset {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
