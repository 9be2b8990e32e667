"""Presets that draw random chains, and mixtures of presets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from tfaudiogan.audio.degradation.chain import Chain, Stage
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
from tfaudiogan.audio.degradation.recordings import NO_RECORDINGS, Recordings
from tfaudiogan.audio.degradation.resampling import Resampling
from tfaudiogan.audio.degradation.room import Room
from tfaudiogan.errors import InputError

Draw = Callable[[np.random.Generator], Stage]
"""A function that draws a stage from a random generator."""

VARIED = "varied"
_VARIED_CLEAN = 0.09
_VARIED_SHARES = {"phone": 0.42, "old-phone": 0.16, "light": 0.08, "today": 0.25}


@dataclass(frozen=True)
class OneOf:
    """Draw a stage from one of several ``Draw`` functions, with equal chance."""

    draws: tuple[Draw, ...]

    def __call__(self, rng: np.random.Generator) -> Stage:
        """Choose a ``Draw`` function, and draw a stage from it."""
        return self.draws[int(rng.integers(len(self.draws)))](rng)


@dataclass(frozen=True)
class DegradationPreset:
    """A random distribution of chains.

    Args:
        clean: share of chains without any stage.
        stages: probability and ``Draw`` function of each stage, in physical order.
    """

    clean: float
    stages: tuple[tuple[float, Draw], ...]

    def draw(self, rng: np.random.Generator) -> Chain:
        """Draw which stages a chain has, and their parameters."""
        if rng.random() < self.clean:
            return Chain()
        return Chain(tuple(draw(rng) for chance, draw in self.stages if rng.random() < chance))


@dataclass(frozen=True)
class Mixture:
    """A mixture of several presets.

    Args:
        parts: relative share and preset of each part.

    Raises:
        ValueError: if a share is not positive.
    """

    parts: "tuple[tuple[float, DegradationPreset | Mixture], ...]"

    def __post_init__(self) -> None:
        if not self.parts or any(not share > 0 for share, _ in self.parts):
            raise ValueError(f"shares are {[share for share, _ in self.parts]}; expected positive")

    def draw(self, rng: np.random.Generator) -> Chain:
        """Choose a preset, and draw a chain from it."""
        shares = np.cumsum([share for share, _ in self.parts])
        index = int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))
        return self.parts[min(index, len(self.parts) - 1)][1].draw(rng)


def today(recordings: Recordings = NO_RECORDINGS) -> DegradationPreset:
    """Return the preset ``today``, with recorded devices if there are any.

    If there are recordings of them, half of the rooms, and all noises and microphones, are recorded
    ones.
    """
    room: Draw = partial(Room.draw, rt60_s=(0.15, 1.2), distance_m=(0.2, 3.0))
    noise: Draw = partial(BackgroundNoise.draw, snr_db=(5.0, 30.0))
    microphone: Draw = partial(Microphone.draw, low_cut_hz=(35.0, 120.0), gain_db=6.0)
    if recordings.rooms:
        room = OneOf((partial(RecordedRoom.draw, recordings=recordings.rooms), room))
    if recordings.noises:
        noise = partial(RecordedNoise.draw, recordings=recordings.noises, snr_db=(5.0, 30.0))
    if recordings.microphones:
        microphone = partial(RecordedMicrophone.draw, recordings=recordings.microphones)
    return DegradationPreset(
        clean=0.2,
        stages=(
            (0.5, PhoneDevice.draw),
            (0.75, room),
            (0.75, noise),
            (0.85, microphone),
            (0.6, partial(Hiss.draw, snr_db=(8.0, 40.0))),
            (0.2, partial(LoudnessChanges.draw, range_db=(1.0, 5.0))),
            (0.4, partial(AutomaticGain.draw, strength=(0.2, 0.7), max_gain_db=(4.0, 15.0))),
            (0.15, partial(Clipping.draw, headroom_db=(7.0, 15.0))),
            (0.4, partial(Codec.draw, compression=(0.3, 0.9))),
        ),
    )


DEGRADATION_PRESETS: dict[str, DegradationPreset] = {
    "light": DegradationPreset(
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
    "phone": DegradationPreset(
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
    "old-phone": DegradationPreset(
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
    "today": today(),
}
"""``phone`` has the ranges of published degradation chains for music and speech. ``light`` is a
good phone in a quiet room, and ``old-phone`` has the bandwidth of a telephone line. ``today`` is
modeled on recordings of real phones: it has less low end, loudspeakers in the chain, hiss of any
color, and a microphone response within 6 dB."""


def degradation_preset(
    name: str, recordings: Recordings = NO_RECORDINGS
) -> DegradationPreset | Mixture:
    """Return a preset by its name: one of ``DEGRADATION_PRESETS``, or ``"varied"``.

    ``varied`` leaves 9 % clean and draws 42 % from ``phone``, 16 % from ``old-phone``, 8 % from
    ``light`` and 25 % from ``today``, without their shares of clean chains.

    Args:
        name: name of the preset.
        recordings: recorded devices for ``today`` and ``varied``.

    Raises:
        InputError: if there is no preset of that name, or it cannot use recordings.
    """
    if name not in (*DEGRADATION_PRESETS, VARIED):
        names = ", ".join((*DEGRADATION_PRESETS, VARIED))
        raise InputError(f"unknown degradation preset {name!r}; choose one of {names}")
    if name == VARIED:
        presets = DEGRADATION_PRESETS | {
            "today": today(recordings) if recordings else DEGRADATION_PRESETS["today"]
        }
        parts = [(s, replace(presets[n], clean=0.0)) for n, s in _VARIED_SHARES.items()]
        return Mixture(((_VARIED_CLEAN, DegradationPreset(1.0, ())), *parts))
    if recordings and name != "today":
        raise InputError(f"the preset {name} does not use recorded devices; choose today or varied")
    return today(recordings) if recordings else DEGRADATION_PRESETS[name]


def mixed_preset(
    expressions: Sequence[str], recordings: Recordings = NO_RECORDINGS
) -> DegradationPreset | Mixture:
    """Return one preset, or a mixture of several by their shares.

    Args:
        expressions: names such as ``"phone"``; ``"phone=2"`` has twice the share of a plain name.
        recordings: recorded devices for the presets that use them.

    Raises:
        InputError: if a preset is unknown, a share is not a positive number, or there are
            recordings but no preset that uses them.
    """
    parts, any_uses_recordings = [], False
    for expression in expressions:
        name, equals, number = expression.partition("=")
        try:
            share = float(number) if equals else 1.0
        except ValueError:
            share = 0.0
        if not 0 < share < float("inf"):
            raise InputError(
                f"preset {expression!r}; expected a name, or a name and its share as in phone=2"
            )
        uses_recordings = name in ("today", VARIED)
        any_uses_recordings |= uses_recordings
        preset = degradation_preset(name, recordings if uses_recordings else NO_RECORDINGS)
        parts.append((share, preset))
    if not parts:
        raise InputError("no degradation preset; give one or more")
    if recordings and not any_uses_recordings:
        raise InputError(
            f"{', '.join(expressions)}: none of these presets uses recorded devices; "
            "choose today or varied"
        )
    return parts[0][1] if len(parts) == 1 else Mixture(tuple(parts))
