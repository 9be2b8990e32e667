"""Chains of stages, from the sound source to the phone's audio file."""

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
    """One degradation of a sound, with parameters that are drawn once and applied to any signal.

    A stage is a frozen dataclass of plain values. Its ``draw`` draws one from a generator and
    ranges. A call is deterministic, so the same parameters give the same samples.
    """

    def __call__(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Degrade ``(samples,)`` to float32 of the same length, aligned to the sample."""


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
"""The stages by their names in settings, in physical order."""

_NAMES = {stage: name for name, stage in STAGES.items()}
_SETTINGS_SPELLING = {"color": "colour"}
"""Fields that manifests spell differently; kept, so that existing corpora stay valid."""


@dataclass(frozen=True)
class Chain:
    """Apply stages one after the other; an empty chain leaves the sound unchanged.

    The chain brings the signal to the common level first and back to its level at the end, so a
    gain before the chain has the same effect as a gain after it.
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
        """Return the manifest's settings: the name and the parameters of each stage."""
        return [
            {
                "stage": _NAMES[type(stage)],
                **{_SETTINGS_SPELLING.get(n, n): value for n, value in asdict(stage).items()},
            }
            for stage in self.stages
        ]

    @classmethod
    def from_settings(cls, settings: Sequence[Mapping[str, Any]]) -> "Chain":
        """Return the chain of ``to_settings``, also after a round trip through JSON."""
        return cls(tuple(_stage(values) for values in settings))


def _stage(settings: Mapping[str, Any]) -> Stage:
    fields = {spelling: name for name, spelling in _SETTINGS_SPELLING.items()}
    values = {fields.get(name, name): _tuples(value) for name, value in settings.items()}
    stage_class = STAGES[values.pop("stage")]
    if "low_pass" in values:
        values["low_pass"] = LowPass(**values["low_pass"])
    return stage_class(**values)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list | tuple) else value
