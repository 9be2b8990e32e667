"""The whole way from a source to a phone's file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from tfaudiogan.audio.degradation.clipping import Clipping
from tfaudiogan.audio.degradation.codec import Codec
from tfaudiogan.audio.degradation.gain import AutomaticGain
from tfaudiogan.audio.degradation.hiss import Hiss
from tfaudiogan.audio.degradation.loudness import LoudnessChanges
from tfaudiogan.audio.degradation.microphone import Microphone
from tfaudiogan.audio.degradation.noise import BackgroundNoise, ThermalNoise
from tfaudiogan.audio.degradation.phone_device import PhoneDevice
from tfaudiogan.audio.degradation.recorded_microphone import RecordedMicrophone
from tfaudiogan.audio.degradation.recorded_noise import RecordedNoise
from tfaudiogan.audio.degradation.recorded_room import RecordedRoom
from tfaudiogan.audio.degradation.resampling import Resampling
from tfaudiogan.audio.degradation.room import Room
from tfaudiogan.audio.filters import LowPass
from tfaudiogan.audio.levels import gain_to_common_level, measure_level


class Stage(Protocol):
    """One thing that happens to the sound: parameters drawn once, applied as often as wanted.

    A frozen dataclass of plain values. ``draw`` makes one from a generator and ranges; calling it
    changes nothing but the signal and draws nothing, so the same parameters give the same samples.
    """

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Take ``(samples,)`` to float32 of the same length, aligned to the sample."""


STAGES: dict[str, type] = {
    "phone_device": PhoneDevice,
    "room": Room,
    "recorded_room": RecordedRoom,
    "noise": BackgroundNoise,
    "recorded_noise": RecordedNoise,
    "microphone": Microphone,
    "recorded_microphone": RecordedMicrophone,
    "hiss": Hiss,
    "loudness": LoudnessChanges,
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
    values = {name: _tuples(value) for name, value in settings.items()}
    kind = STAGES[values.pop("stage")]
    if "low_pass" in values:
        values["low_pass"] = LowPass(**values["low_pass"])
    return kind(**values)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list | tuple) else value
