"""A model between a microphone and a loudspeaker."""

import queue
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from tfaudiogan.errors import InputError
from tfaudiogan.extras import require
from tfaudiogan.progress import console

app = typer.Typer()

LEVEL_SECONDS = 1.0
QUEUE_BLOCKS = 64


@app.command(
    epilog="Examples: [b]tfaudiogan listen --model piano-mobile[/]   "
    "[b]tfaudiogan listen --input 2 --out rehearsal.flac --seconds 600[/]"
)
def listen(
    model: Annotated[
        str, typer.Option(help="A released model's name, or the path of a model in any form.")
    ] = "piano-mobile",
    input: Annotated[
        str | None, typer.Option(help="Input device, by number or part of its name.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Output device, by number or part of its name.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Audio file to write, in place of an output device.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it exists already.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option(help="Stop after so long; Ctrl-C stops at any time.", min=0.1)
    ] = None,
    channels: Annotated[int, typer.Option(help="Channels to record and play.", min=1)] = 1,
) -> None:
    """Enhance what a microphone or line hears, while it plays.

    The sound comes out one window of the model later, so short windows suit this best. The first
    second sets the level; a loudspeaker begins after it, a file holds it.
    """
    if out is not None and out.exists() and not overwrite:
        raise InputError(f"{out} exists already; --overwrite replaces it")
    require("live", "sounddevice")
    import numpy as np

    from tfaudiogan.audio.files import audio_writer
    from tfaudiogan.audio.levels import gain_to_common_level, measure_level
    from tfaudiogan.inference.load import load_model
    from tfaudiogan.inference.released import find_model
    from tfaudiogan.inference.streaming import StreamingEnhancer

    loaded = load_model(find_model(model))
    rate, hop = loaded.metadata.sample_rate, loaded.metadata.hop
    limit = None if seconds is None else round(seconds * rate)
    # The first run of a model takes long, and a loudspeaker would stay behind by as much.
    StreamingEnhancer(loaded, channels).feed(np.zeros((loaded.metadata.window, channels), "f4"))
    with ExitStack() as stack:
        microphone = Microphone(rate, hop, channels, _device(input))
        stack.enter_context(microphone)
        latency_s = loaded.metadata.window / rate + microphone.latency_s
        if out is None:
            speaker = stack.enter_context(Loudspeaker(rate, hop, channels, _device(output)))
            play = speaker.write
            latency_s += speaker.latency_s
        else:
            play = stack.enter_context(audio_writer(out, rate, channels)).write
        console.print(f"latency {1000 * latency_s:.0f} ms; Ctrl-C ends it")
        enhancer = None
        heard = 0
        try:
            for block in microphone.blocks(limit):
                if enhancer is None:
                    level = measure_level(block) if len(block) else None
                    gain = gain_to_common_level(level, loaded.metadata.level_dbfs)
                    enhancer = StreamingEnhancer(loaded, channels, gain)
                ready = enhancer.feed(block)
                # Played whole, the first second would delay all that follows it by a second.
                play(ready if heard or out is not None else ready[-hop:])
                heard += len(block)
        except KeyboardInterrupt:
            console.print("stopped")
        if enhancer is not None:
            play(enhancer.flush())
    if microphone.lost:
        console.print(f"{microphone.lost} blocks were lost: the machine is too slow for {model}")
    print(f"{heard / rate:.1f} s{'' if out is None else f', {out}'}")


def _device(name: str | None) -> int | str | None:
    return int(name) if name is not None and name.isdigit() else name


def _open(kind: str, **options: Any) -> Any:
    """An input or output stream of sounddevice, or its complaint in one line."""
    import sounddevice

    try:
        return getattr(sounddevice, kind)(dtype="float32", **options)
    except (ValueError, sounddevice.PortAudioError) as error:
        raise InputError(
            f"device {options['device']!r} cannot be opened: {error}; "
            "`python -m sounddevice` lists the devices"
        ) from error


class Microphone:
    """Blocks of an input device, as a context.

    Attributes:
        latency_s: of the device.
        lost: blocks that came while those before them still waited.
    """

    def __init__(self, rate: int, block: int, channels: int, device: int | str | None) -> None:
        self.lost = 0
        self._first = round(LEVEL_SECONDS * rate)
        self._queue: queue.Queue = queue.Queue(QUEUE_BLOCKS)
        self._stream = _open(
            "InputStream",
            samplerate=rate,
            blocksize=block,
            channels=channels,
            device=device,
            callback=self._receive,
        )
        self.latency_s = float(self._stream.latency)

    def _receive(self, data: Any, frames: int, time: Any, status: Any) -> None:
        try:
            self._queue.put_nowait(data.copy())
        except queue.Full:
            self.lost += 1

    def __enter__(self) -> "Microphone":
        self._stream.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.stop()
        self._stream.close()

    def blocks(self, limit: int | None) -> Iterator[Any]:
        """Blocks of ``(samples, channels)``, the first as long as the level takes to measure."""
        import numpy as np

        done, waiting = 0, []
        while limit is None or done < limit:
            waiting.append(self._queue.get())
            held = sum(map(len, waiting))
            if done or held >= self._first or (limit is not None and held >= limit):
                block = np.concatenate(waiting)
                block = block if limit is None else block[: limit - done]
                done += len(block)
                waiting = []
                yield block


class Loudspeaker:
    """Plays blocks on an output device, as a context.

    Attributes:
        latency_s: of the device.
    """

    def __init__(self, rate: int, block: int, channels: int, device: int | str | None) -> None:
        self._stream = _open(
            "OutputStream", samplerate=rate, blocksize=block, channels=channels, device=device
        )
        self.latency_s = float(self._stream.latency)

    def write(self, audio: Any) -> None:
        """Play ``(samples, channels)``; returns once there is room for more."""
        if len(audio):
            self._stream.write(audio)

    def __enter__(self) -> "Loudspeaker":
        self._stream.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.stop()
        self._stream.close()
