"""What a phone does to a sound: one class a stage, in physical order, and chains drawn of them."""

from tfaudiogan.audio.degradation.chain import (
    PRESETS,
    STAGES,
    Chain,
    Preset,
    Stage,
    degradation_preset,
)
from tfaudiogan.audio.degradation.clipping import Clipping
from tfaudiogan.audio.degradation.codec import Codec
from tfaudiogan.audio.degradation.gain import AutomaticGain
from tfaudiogan.audio.degradation.microphone import Microphone
from tfaudiogan.audio.degradation.noise import BackgroundNoise, ThermalNoise
from tfaudiogan.audio.degradation.resampling import Resampling
from tfaudiogan.audio.degradation.room import Room

__all__ = [
    "PRESETS",
    "STAGES",
    "AutomaticGain",
    "BackgroundNoise",
    "Chain",
    "Clipping",
    "Codec",
    "Microphone",
    "Preset",
    "Resampling",
    "Room",
    "Stage",
    "ThermalNoise",
    "degradation_preset",
]
