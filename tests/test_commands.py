"""Run the commands of the README and of docs/ on small files, in the order of each page.

Options are added that make networks small and training short; the rest is as printed.
"""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests import reference_networks as reference
from tests.audio.signals import noise, plucks
from tests.conftest import write_corpus
from tests.conversion.torch_files import state_dict, write_before_zip
from tests.documented import PAGES, ROOT, commands_in_blocks
from tests.making.midi_files import SOUNDFONT, write_pieces
from tests.making.patches import patch
from tfaudiogan.audio.files import write_audio
from tfaudiogan.config import preset
from tfaudiogan.inference.metadata import ModelMetadata, write_metadata
from tfaudiogan.training.build import generator_from_config

ELSEWHERE = ("--beam", "s3://", "--strategy multiworker")
"""What needs more than one machine has. ``making/test_beam.py``, ``corpus/test_mirror.py`` and
``runs/test_devices.py`` test it."""

RATE = 8000
WINDOW = 512
WAVEFORM = {"blocks": 2, "d_max": 0, "base_filters": 8, "reduction": 4}
SPECTRAL = {"n_fft": 64, "bands": 16, "blocks": 2, "base_filters": 16, "context": 8}
SPECTRAL_WINDOW = 480
OTHERS = {
    "discriminator.blocks": 2,
    "discriminator.base_filters": 8,
    "discriminator.reduction": 4,
    "discriminator.dense_units": 8,
    "autoencoder.blocks": 2,
    "autoencoder.base_filters": 8,
    "adversarial.n_critic": 1,
    "training.batch": 2,
    "training.steps_per_epoch": 2,
    "training.validation_windows": 4,
}


def settings(generator: dict[str, int], window: int = WINDOW) -> list[str]:
    """Return the options that make networks small and epochs short."""
    values = {f"generator.{name}": value for name, value in generator.items()}
    values |= {"window": window, **OTHERS}
    return [f"--set={name}={value}" for name, value in values.items()]


SHORTER = {
    r"render .*--excerpts": ["--excerpts=train=3,validation=1,test=1", "--jobs=1"],
    r"render": ["--tracks=2", f"--sample-rate={RATE}", "--jobs=1"],
    r".*train\.py": ["--steps=2", "--loss=time", *settings(WAVEFORM)],
    r"train .*--resume --steps": ["--steps=4"],
    r"train .*--resume": [],
    # The weights of the released model need its sizes.
    r"train .*--warm-start saved_models": ["--steps=2", "--batch=2", "--steps-per-epoch=2"],
    r"train .*--preset restoration( |$)": [
        "--steps=2",
        *settings({**SPECTRAL, "replication": 16}, SPECTRAL_WINDOW),
    ],
    r"train .*--preset superres": ["--steps=2", *settings(SPECTRAL, SPECTRAL_WINDOW)],
    r"train": ["--steps=2", *settings(WAVEFORM)],
    r"evaluate": ["--windows=4", "--seconds=1"],
    r"pairs": ["--jobs=1"],
    r"experiment table1": [
        "--steps=2",
        "--autoencoder-steps=2",
        "--windows=4",
        "--seconds=1",
        *settings(WAVEFORM),
    ],
    r"experiment figure6": ["--batches=1", "--autoencoder-steps=2"],
    r"-m tuning.search": ["--trials=2", "--steps=2", "--autoencoder-steps=2", *settings(WAVEFORM)],
}
"""Options to add to commands whose arguments begin with a pattern; the first that fits counts."""


def commands_to_run(page: Path) -> list[str]:
    commands = commands_in_blocks(page)
    return [command for command in commands if not any(words in command for words in ELSEWHERE)]


def shortened(command: str) -> list[str]:
    """Return the arguments of Python that run a command, with the options that make it short."""
    program, *arguments = shlex.split(command, comments=True)
    if program == "python" and arguments[0].endswith(".py"):
        arguments[0] = str(ROOT / arguments[0])
    text = " ".join(arguments)
    added = next((options for pattern, options in SHORTER.items() if re.match(pattern, text)), [])
    return [*(["-m", program] if program == "tfaudiogan" else []), *arguments, *added]


def write_midi(folder: Path, *names: str) -> None:
    write_pieces(folder / names[0])
    for name in names[1:]:
        (folder / name).symlink_to(folder / names[0])


def write_soundfonts(folder: Path, page: Path) -> None:
    """Make every soundfont that a page names a copy of the one that pretty_midi includes."""
    for name in set(
        re.findall(r"--(?:validation-)?soundfont ([\w-]+\.sf2)", page.read_text("utf-8"))
    ):
        (folder / name).symlink_to(SOUNDFONT)


def write_recordings(folder: Path, *names: str, seconds: float = 2.0, rate: int = RATE) -> None:
    time = np.arange(round(seconds * rate)) / rate
    for number, name in enumerate(names):
        write_audio(folder / name, plucks(time, number), rate)


def write_takes(folder: Path, *names: str, seconds: float, rate: int) -> None:
    """Write recordings of the same pieces into each of the folders named."""
    for name in names:
        takes = [f"{number}.wav" for number in range(4)]
        write_recordings(folder / name, *takes, seconds=seconds, rate=rate)


def write_responses(folder: Path) -> None:
    """Write decaying noise, which can be a room, a microphone or a background noise."""
    decay = np.exp(-np.arange(RATE) / 500).astype(np.float32)
    for number in range(4):
        write_audio(folder / f"{number}.wav", noise(RATE, number) * decay, RATE)


def write_generator(path: Path, name: str = "demo") -> None:
    """Write an untrained generator of a preset, as small as those of ``settings(WAVEFORM)``."""
    config = preset(name)
    small = replace(config, window=WINDOW, generator=replace(config.generator, **WAVEFORM))
    path.parent.mkdir(parents=True, exist_ok=True)
    generator_from_config(small).save(path)
    write_metadata(path, ModelMetadata(2 * RATE, WINDOW))


def write_for_readme(folder: Path) -> None:
    write_midi(folder, "maestro-v3.0.0")
    write_recordings(folder, "take.flac", "song.wav", "take.wav", "studio.wav")
    write_takes(folder, "phone-takes", "studio-takes", seconds=8.0, rate=44100)
    (folder / "saved_models").symlink_to(ROOT / "saved_models")


def write_for_architecture(folder: Path) -> None:
    generator, critic = reference.drawn_generator(), reference.drawn_discriminator()
    content = {"generator_state_dict": state_dict(generator)}
    write_before_zip(folder / "generator_trainer.tar", content)
    content["discriminator_state_dict"] = state_dict(critic)
    write_before_zip(folder / "gan_trainer.tar", content)


def write_for_devices(folder: Path) -> None:
    write_corpus(folder / "corpora" / "piano", RATE)


def write_for_results(folder: Path) -> None:
    write_midi(folder, "asap-maestro", "asap-until-2015", "asap-2017-2018")
    write_takes(folder, "phone", "studio", seconds=8.0, rate=2 * RATE)
    write_generator(folder / "phone-restoration.keras", "restoration-waveform")
    for name in ("base", "relative", "float32", "long", "w001"):
        (folder / f"{name}.json").write_text('{"optimizer": {"learning_rate": 0.0015}}')
    (folder / "piano.json").write_text('{"start": "long", "steps": 1}')


def write_for_soundfonts(folder: Path) -> None:
    write_midi(folder, "maestro-v3.0.0")
    for name in ("rooms", "microphones", "noises"):
        write_responses(folder / name)
    write_recordings(folder / "piano-velocity10" / "audio", "C3.wav", "C4.wav")
    write_recordings(folder / "violin", "C4.wav")
    write_recordings(folder / "SplendidGrandPiano" / "Samples", "MF C4.flac")
    write_recordings(folder / "Melodic", "note.wav")
    write_takes(folder, "recordings", seconds=8.0, rate=44100)
    write_audio(folder / "unpacked" / "game" / "noise.wav", noise(26 * 44100, 0), 44100)
    tone = np.round(8000 * np.sin(np.arange(4000))).astype("<i2").tobytes()
    (folder / "026_Jazz_Guitar.pat").write_bytes(patch([(tone, 440_000, (0, 0), 1)]))
    (folder / "Airfont_380_final").mkdir()
    (folder / "Airfont_380_final" / "000.sf3").symlink_to(SOUNDFONT)
    (folder / "Melodic" / "026-Acoustic Guitar (steel).sfz").write_text(
        "<region> sample=note.wav pitch_keycenter=60\n"
    )


def write_for_exports(folder: Path) -> None:
    write_generator(folder / "runs" / "piano" / "generator.keras")


WRITERS = {
    "README.md": write_for_readme,
    "architecture.md": write_for_architecture,
    "devices.md": write_for_devices,
    "phones.md": write_for_exports,
    "results.md": write_for_results,
    "serving.md": write_for_exports,
    "soundfonts.md": write_for_soundfonts,
}
WRITTEN = {
    "README.md": ["take-enhanced.flac", "page.html", "report/index.html", "better.flac"],
    "architecture.md": ["generator.keras", "critic.keras"],
    "phones.md": ["piano.tflite"],
    "results.md": ["runs/table1/index.html", "runs/figure6/index.html", "search/index.html"],
    "serving.md": ["models/piano/1/saved_model.pb"],
    "soundfonts.md": [
        "corpora/excerpts/manifest.csv",
        "corpora/recordings/manifest.csv",
        "recordings/game/noise.wav",
        "airfont380.sf2",
        "sampled.sf2",
        "freepats.sf2",
    ],
}
"""Some of the files that the commands of a page write, among them the results of the last ones."""

RUNNABLE = [page for page in PAGES if commands_to_run(page)]


def test_every_page_with_commands_has_its_files():
    assert sorted(page.name for page in RUNNABLE) == sorted(WRITERS)
    for words in ELSEWHERE:
        assert any(words in command for page in PAGES for command in commands_in_blocks(page))


@pytest.mark.slow
@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.name)
def test_the_commands_of_a_page_run(page, tmp_path):
    WRITERS[page.name](tmp_path)
    write_soundfonts(tmp_path, page)
    for command in commands_to_run(page):
        done = subprocess.run(
            [sys.executable, *shortened(command)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert done.returncode == 0, f"{command}: {(done.stdout + done.stderr)[-2000:]}"
    for path in WRITTEN.get(page.name, ()):
        assert (tmp_path / path).exists(), path
