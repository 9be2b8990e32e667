"""FluidSynth with one soundfont in memory, for several performances one after the other.

FluidSynth's reset leaves voices that sound in the next performance. Each performance is therefore
played by a new synthesizer, and the soundfont, which takes long to load, is passed on to it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import c_int, c_void_p
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from tfaudiogan.errors import InputError

if TYPE_CHECKING:
    import pretty_midi

GAIN = 0.5

_BLOCK = 64
_CHUNK = 1024 * _BLOCK
_POLYPHONY = 1024
_FIRST_MODE_MESSAGE = 120
_MAX_CHANNELS = 256
_DRUM_CHANNEL = 9
_DRUM_BANK = 128
_ERRORS, _WARNINGS = 1, 2


class Synthesizer:
    """Play performances with one soundfont, at a fixed gain, without reverb and chorus.

    The sound of a performance does not depend on what was played before.

    Args:
        soundfont: path of an SF2 or SF3 file.
        sample_rate: in hertz.
        gain: FluidSynth's ``synth.gain``.

    Raises:
        InputError: if FluidSynth is not installed, or the soundfont cannot be loaded.
    """

    def __init__(self, soundfont: Path | str, sample_rate: int, gain: float = GAIN) -> None:
        self.soundfont = soundfont
        self.sample_rate = sample_rate
        self.gain = gain
        self._library = _Library()
        # The loader is kept, since the soundfont reads its samples through it.
        self._loader = self._new(channels=16)
        # Many soundfonts have settings that FluidSynth ignores with a warning for each.
        with self._library.quiet(_WARNINGS):
            bank = self._loader.sfload(str(soundfont))
        if bank < 0:
            self._loader.delete()
            raise InputError(f"FluidSynth cannot load {soundfont}; give another soundfont")
        self._library.pin(self._loader.synth, bank, 0, 0)
        self._font = self._library.font(self._loader.synth, bank)
        self._library.remove(self._loader.synth, self._font)

    def close(self) -> None:
        """Free the memory of the soundfont; nothing can be played after that."""
        if self._font is not None:
            self._library.add(self._loader.synth, self._font)
            self._font = None
            self._loader.delete()

    def play(self, instruments: "Sequence[pretty_midi.Instrument]", samples: int) -> np.ndarray:
        """Render instruments to mono, each on its own channel, and all drums on one.

        Args:
            instruments: the instruments, with times in seconds. Events after the end are ignored.
            samples: length of the result.

        Returns:
            ``(samples,)`` float32, the mean of left and right. Full scale is 1, which loud music
            may exceed.

        Raises:
            InputError: if the soundfont lacks a program, or there are more than 240 instruments.
        """
        melodic = [channel for channel in range(_MAX_CHANNELS) if channel % 16 != _DRUM_CHANNEL]
        pitched = [instrument for instrument in instruments if not instrument.is_drum]
        if len(pitched) > len(melodic):
            raise InputError(f"{len(pitched)} instruments; up to {len(melodic)} are rendered")
        free = iter(melodic)
        channels = [_DRUM_CHANNEL if i.is_drum else next(free) for i in instruments]
        synth = self._new(16 * (max(channels, default=0) // 16 + 1))
        try:
            bank = self._library.add(synth.synth, self._font)
            for channel, instrument in zip(channels, instruments, strict=True):
                kit = _DRUM_BANK if instrument.is_drum else 0
                with self._library.quiet():
                    failed = synth.program_select(channel, bank, kit, instrument.program) < 0
                if failed:
                    what = "drums of program" if instrument.is_drum else "program"
                    raise InputError(
                        f"{self.soundfont} has no {what} {instrument.program}; "
                        "give another soundfont"
                    )
            return self._play(synth, _events(instruments, channels), samples)
        finally:
            self._library.remove(synth.synth, self._font)
            synth.delete()

    def _new(self, channels: int) -> Any:
        return self._library.module.Synth(
            gain=float(self.gain),
            samplerate=self.sample_rate,
            channels=channels,
            **{
                "synth.reverb.active": 0,
                "synth.chorus.active": 0,
                "synth.polyphony": _POLYPHONY,
                "synth.dynamic-sample-loading": 1,
            },
        )

    def _play(
        self, synth: Any, events: list[tuple[float, int, str, tuple[int, ...]]], samples: int
    ) -> np.ndarray:
        audio = np.empty(samples, np.float32)
        left, right = np.empty((2, _CHUNK), np.float32)
        position = 0

        def render_until(stop: int) -> None:
            nonlocal position
            while position < stop:
                count = min(stop - position, _CHUNK)
                self._library.write(
                    synth.synth, count, left.ctypes.data, 0, 1, right.ctypes.data, 0, 1
                )
                audio[position : position + count] = 0.5 * (left[:count] + right[:count])
                position += count

        for time, _, method, arguments in events:
            start = max(0, round(time * self.sample_rate / _BLOCK)) * _BLOCK
            if start >= samples:
                break
            render_until(start)
            getattr(synth, method)(*arguments)
        render_until(samples)
        return audio


def fluidsynth_module() -> ModuleType:
    """Return the module ``fluidsynth``.

    Raises:
        InputError: if FluidSynth is not installed.
    """
    try:
        import fluidsynth
    except (ImportError, OSError) as error:
        raise InputError(
            f"FluidSynth is missing ({error}); install it: `apt install libfluidsynth3` on Debian "
            "and Ubuntu, `brew install fluid-synth` on macOS"
        ) from error
    return fluidsynth


def _events(
    instruments: "Sequence[pretty_midi.Instrument]", channels: Sequence[int]
) -> list[tuple[float, int, str, tuple[int, ...]]]:
    """Return all events as time in seconds, rank, method of the synthesizer, and its arguments.

    The rank orders events at the same time: notes end before controllers change, and controllers
    change before notes begin.
    """
    events: list[tuple[float, int, str, tuple[int, ...]]] = []
    for channel, instrument in zip(channels, instruments, strict=True):
        for note in instrument.notes:
            if note.end > note.start:
                events.append((note.start, 2, "noteon", (channel, note.pitch, note.velocity)))
                events.append((note.end, 0, "noteoff", (channel, note.pitch)))
        for change in instrument.control_changes:
            if change.number < _FIRST_MODE_MESSAGE:
                events.append((change.time, 1, "cc", (channel, change.number, change.value)))
        for bend in instrument.pitch_bends:
            events.append((bend.time, 1, "pitch_bend", (channel, bend.pitch)))
    return sorted(events, key=lambda event: event[:2])


class _Library:
    """The functions of libfluidsynth that its Python module does not bind."""

    def __init__(self) -> None:
        self.module = fluidsynth_module()
        self.font = self._bind("get_sfont_by_id", c_void_p, synth=c_void_p, id=c_int)
        self._add = self._bind("add_sfont", c_int, synth=c_void_p, font=c_void_p)
        self._remove = self._bind("remove_sfont", c_int, synth=c_void_p, font=c_void_p)
        sides = {"left": c_void_p, "left_offset": c_int, "left_step": c_int}
        sides |= {"right": c_void_p, "right_offset": c_int, "right_step": c_int}
        # The Python module binds only the 16-bit output, which clips and dithers.
        self.write = self._bind("write_float", c_int, synth=c_void_p, length=c_int, **sides)
        self._set_log = self.module.cfunc(
            "fluid_set_log_function",
            c_void_p,
            ("level", c_int, 1),
            ("function", c_void_p, 1),
            ("data", c_void_p, 1),
        )
        self._pin = self._bind("pin_preset", c_int, synth=c_void_p, font=c_int, bank=c_int, p=c_int)

    def add(self, synth: Any, font: Any) -> int:
        """Add a soundfont to a synthesizer; return its number there."""
        with self.quiet():
            number: int = self._add(synth, font)
        return number

    def remove(self, synth: Any, font: Any) -> None:
        """Remove a soundfont from a synthesizer."""
        with self.quiet():
            self._remove(synth, font)

    def pin(self, synth: Any, font: int, bank: int, program: int) -> None:
        """Keep the samples of a program in memory; new channels start with program 0 of bank 0."""
        if self._pin is not None:  # FluidSynth has it since version 2.2.
            with self.quiet():
                self._pin(synth, font, bank, program)

    @contextmanager
    def quiet(self, *levels: int) -> Iterator[None]:
        """Suppress messages of these levels, by default errors and warnings."""
        levels = levels or (_ERRORS, _WARNINGS)
        logging = [self._set_log(level, None, None) for level in levels]
        try:
            yield
        finally:
            for level, function in zip(levels, logging, strict=True):
                self._set_log(level, function, None)

    def _bind(self, name: str, result: Any, **arguments: Any) -> Any:
        described = [(key, kind, 1) for key, kind in arguments.items()]
        return self.module.cfunc(f"fluid_synth_{name}", result, *described)
