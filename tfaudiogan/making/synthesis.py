"""Deterministic synthesis of MIDI with FluidSynth.

FluidSynth supports the sustain pedal, which is essential to piano performances. Each performance is
rendered by a new synthesizer at a fixed gain, without reverb and chorus. Events take effect at the
next block of 64 samples (1.5 ms at 44.1 kHz). This is the same in all renders of a performance, so
the sides of a pair are aligned to the sample.
"""

import functools
import importlib.util
import math
from ctypes import c_int
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfaudiogan.errors import InputError
from tfaudiogan.making.synthesizer import GAIN, Synthesizer, fluidsynth_module
from tfaudiogan.storage import checksum

if TYPE_CHECKING:
    import pretty_midi

TAIL_SECONDS = 2.0
MAX_RINGING_SECONDS = 10.0
SAMPLE_RATES = (8000, 96000)

_SUSTAIN = 64
_SOUNDFONT_FOLDERS = (
    "~/.local/share/soundfonts",
    "~/Library/Audio/Sounds/Banks",
    "/usr/share/sounds/sf2",
    "/usr/share/sounds/sf3",
    "/usr/share/soundfonts",
    "/usr/local/share/soundfonts",
    "/opt/homebrew/share/soundfonts",
)
_SOUNDFONT_NAMES = (
    "FluidR3_GM.sf2",
    "MuseScore_General.sf3",
    "MuseScore_General_Lite.sf3",
    "default-GM.sf2",
    "default-GM.sf3",
    "TimGM6mb.sf2",
)


def find_soundfont(path: Path | str | None = None) -> Path:
    """Find a soundfont: ``path``, else the best one of the system, else pretty_midi's copy.

    Raises:
        InputError: if the file is missing or not a soundfont.
    """
    if path is not None:
        path = Path(path)
        if not path.is_file():
            raise InputError(f"no soundfont at {path}; give the path of an .sf2 or .sf3 file")
        with path.open("rb") as stream:
            head = stream.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"sfbk":
            raise InputError(f"{path} is not a soundfont; give the path of an .sf2 or .sf3 file")
        return path
    for name in _SOUNDFONT_NAMES:
        for folder in _SOUNDFONT_FOLDERS:
            candidate = Path(folder).expanduser() / name
            if candidate.is_file():
                return candidate.resolve()
    spec = importlib.util.find_spec("pretty_midi")
    if spec is None or spec.origin is None:
        raise InputError("pretty_midi is missing; install it, or give --soundfont")
    return find_soundfont(Path(spec.origin).with_name("TimGM6mb.sf2"))


def synthesizer_version() -> str:
    """Return name and version of the synthesizer, such as ``"FluidSynth 2.3.1"``.

    Raises:
        InputError: if FluidSynth is not installed.
    """
    version = [c_int() for _ in range(3)]
    fluidsynth_module().fluid_version(*version)
    return "FluidSynth " + ".".join(str(part.value) for part in version)


@functools.cache
def check_same_synthesis(soundfont: Path, soundfont_sha256: str, synthesizer: str) -> None:
    """Check that this machine, which may be a remote worker, renders as the manifest says.

    Raises:
        RuntimeError: if its soundfont at that path, or its synthesizer, differs.
    """
    for what, actual, expected in (
        (f"soundfont {soundfont}", checksum(soundfont), soundfont_sha256),
        ("synthesizer", synthesizer_version(), synthesizer),
    ):
        if actual != expected:
            raise RuntimeError(f"the {what} of this machine is {actual}; expected {expected}")


def sounding_seconds(midi: "pretty_midi.PrettyMIDI") -> float:
    """Return when the sound of a performance has died away, in seconds.

    This is ``TAIL_SECONDS`` after the last note is released or, if later, the pedal is lifted. The
    pedal extends the last note by at most ``MAX_RINGING_SECONDS``.
    """
    end = 0.0
    for instrument in midi.instruments:
        released = max((note.end for note in instrument.notes), default=0.0)
        pedal = sorted(
            (change.time, change.value >= 64)
            for change in instrument.control_changes
            if change.number == _SUSTAIN
        )
        down = [is_down for time, is_down in pedal if time <= released]
        if down and down[-1]:
            latest = released + MAX_RINGING_SECONDS
            ups = (time for time, is_down in pedal if time > released and not is_down)
            released = min(next(ups, latest), latest)
        end = max(end, released)
    return end + TAIL_SECONDS


def synthesize(
    midi: "pretty_midi.PrettyMIDI",
    *,
    soundfont: Path | str,
    sample_rate: int = 44100,
    samples: int | None = None,
    gain: float = GAIN,
) -> np.ndarray:
    """Render a performance to mono.

    Each instrument has its own channel, with its program, controllers and pitch bends; drums are
    skipped.

    Args:
        midi: the performance.
        soundfont: path of an SF2 or SF3 file.
        sample_rate: in hertz.
        samples: length of the result, by default that of ``sounding_seconds``. Later events are
            ignored.
        gain: FluidSynth's ``synth.gain``.

    Returns:
        ``(samples,)`` float32, the mean of left and right. Full scale is 1, which loud music may
        exceed.

    Raises:
        InputError: if FluidSynth is not installed, the soundfont cannot be loaded or lacks a
            program, the sample rate is out of range, or there are more than 240 instruments.
    """
    check_synthesis_rate(sample_rate)
    if samples is None:
        samples = math.ceil(sounding_seconds(midi) * sample_rate)
    instruments = [instrument for instrument in midi.instruments if not instrument.is_drum]
    synthesizer = Synthesizer(soundfont, sample_rate, gain)
    try:
        return synthesizer.play(instruments, samples)
    finally:
        synthesizer.close()


def check_synthesis_rate(sample_rate: int) -> None:
    """Raise an InputError if FluidSynth does not support a sample rate, in hertz."""
    low, high = SAMPLE_RATES
    if not low <= sample_rate <= high:
        raise InputError(f"sample rate is {sample_rate}; expected {low} to {high} Hz")
