"""What a phone does to a sound: one class for each stage, and random chains of stages."""

from tfaudiogan.audio.degradation.cached_room import CachedRoom, cache_rooms, with_room_bank
from tfaudiogan.audio.degradation.chain import STAGES, Chain, Stage
from tfaudiogan.audio.degradation.clipping import Clipping
from tfaudiogan.audio.degradation.codec import Codec
from tfaudiogan.audio.degradation.gain import AutomaticGain
from tfaudiogan.audio.degradation.hiss import Hiss
from tfaudiogan.audio.degradation.loudness import LoudnessChanges
from tfaudiogan.audio.degradation.microphone import Microphone
from tfaudiogan.audio.degradation.noise import BackgroundNoise, ThermalNoise
from tfaudiogan.audio.degradation.phone_device import PhoneDevice
from tfaudiogan.audio.degradation.presets import (
    DEGRADATION_PRESETS,
    DegradationPreset,
    Mixture,
    degradation_preset,
    mixed_preset,
)
from tfaudiogan.audio.degradation.recorded_microphone import RecordedMicrophone
from tfaudiogan.audio.degradation.recorded_noise import RecordedNoise
from tfaudiogan.audio.degradation.recorded_room import RecordedRoom
from tfaudiogan.audio.degradation.recordings import Recording, Recordings
from tfaudiogan.audio.degradation.resampling import Resampling
from tfaudiogan.audio.degradation.room import Room

__all__ = [
    "DEGRADATION_PRESETS",
    "STAGES",
    "AutomaticGain",
    "BackgroundNoise",
    "CachedRoom",
    "Chain",
    "Clipping",
    "Codec",
    "DegradationPreset",
    "Hiss",
    "LoudnessChanges",
    "Microphone",
    "Mixture",
    "PhoneDevice",
    "RecordedMicrophone",
    "RecordedNoise",
    "RecordedRoom",
    "Recording",
    "Recordings",
    "Resampling",
    "Room",
    "Stage",
    "ThermalNoise",
    "cache_rooms",
    "degradation_preset",
    "mixed_preset",
    "with_room_bank",
]
