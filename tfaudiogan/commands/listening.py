"""The command that enhances a live input."""

import queue
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from tfaudiogan.commands.options import Model, examples
from tfaudiogan.errors import InputError
from tfaudiogan.extras import require
from tfaudiogan.progress import console

app = typer.Typer()

LEVEL_SECONDS = 1.0
QUEUE_BLOCKS = 64


@app.command(
    epilog=examples(
        "tfaudiogan listen --model piano-mobile",
        "tfaudiogan listen --input 2 --out rehearsal.flac --seconds 600",
    )
)
def listen(
    model: Model = "piano-mobile",
    input: Annotated[
        str | None, typer.Option(help="Number or part of the name of the input device.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Number or part of the name of the output device.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Audio file to write instead of playing.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing file.")
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option(
            help="Time in seconds after which to stop; Ctrl-C stops at any time.", min=0.1
        ),
    ] = None,
    channels: Annotated[
        int, typer.Option(help="Number of channels to record and play.", min=1)
    ] = 1,
) -> None:
    """Enhance the sound of a microphone live.

    A line input works as well. The output is delayed by one window of the model, so models with
    short windows suit this best. The first second is used to measure the level. A loudspeaker
    starts after it; a file has it too.
    """
    if out is not None and out.exists() and not overwrite:
        raise InputError(f"{out} already exists; replace it with --overwrite")
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
    # The first call of a model is slow and would delay the loudspeaker for good.
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
        console.print(f"latency {1000 * latency_s:.0f} ms; press Ctrl-C to stop")
        enhancer = None
        received = 0
        try:
            for block in microphone.blocks(limit):
                if enhancer is None:
                    level = measure_level(block) if len(block) else None
                    gain = gain_to_common_level(level, loaded.metadata.level_dbfs)
                    enhancer = StreamingEnhancer(loaded, channels, gain)
                ready = enhancer.feed(block)
                # If the first second were played, all later sound would be late by a second.
                play(ready if received or out is not None else ready[-hop:])
                received += len(block)
        except KeyboardInterrupt:
            console.print("stopped")
        if enhancer is not None:
            play(enhancer.flush())
    if microphone.lost:
        console.print(
            f"{microphone.lost} blocks were lost, as this machine is too slow for {model}"
        )
    print(f"{received / rate:.1f} s{'' if out is None else f', {out}'}")


def _device(name: str | None) -> int | str | None:
    return int(name) if name is not None and name.isdigit() else name


def _open(kind: str, **options: Any) -> Any:
    """Open an input or output stream of sounddevice; raise InputError if that fails."""
    import sounddevice

    try:
        return getattr(sounddevice, kind)(dtype="float32", **options)
    except (ValueError, sounddevice.PortAudioError) as error:
        raise InputError(
            f"device {options['device']!r} cannot be opened: {error}; "
            "`python -m sounddevice` lists the devices"
        ) from error


class Microphone:
    """Context manager that records blocks from an input device.

    Attributes:
        latency_s: Latency of the device in seconds.
        lost: Number of blocks that were dropped because the queue was full.
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
        """Yield blocks ``(samples, channels)``; the first one lasts ``LEVEL_SECONDS``."""
        import numpy as np

        done, waiting = 0, []
        while limit is None or done < limit:
            waiting.append(self._queue.get())
            samples = sum(map(len, waiting))
            if done or samples >= self._first or (limit is not None and samples >= limit):
                block = np.concatenate(waiting)
                block = block if limit is None else block[: limit - done]
                done += len(block)
                waiting = []
                yield block


class Loudspeaker:
    """Context manager that plays blocks on an output device.

    Attributes:
        latency_s: Latency of the device in seconds.
    """

    def __init__(self, rate: int, block: int, channels: int, device: int | str | None) -> None:
        self._stream = _open(
            "OutputStream", samplerate=rate, blocksize=block, channels=channels, device=device
        )
        self.latency_s = float(self._stream.latency)

    def write(self, audio: Any) -> None:
        """Play ``(samples, channels)``; return when the device can take more."""
        if len(audio):
            self._stream.write(audio)

    def __enter__(self) -> "Loudspeaker":
        self._stream.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.stop()
        self._stream.close()
