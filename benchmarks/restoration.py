"""Score a model on recordings that share nothing with its training data.

    python -m benchmarks.restoration render  FOLDER --midi MAESTRO --soundfont F.sf2 [--rooms DIR
        --microphones DIR --noises DIR] [--recordings DIR] [--phones DIR]
    python -m benchmarks.restoration evaluate FOLDER --model phone-restoration

`render` writes pairs of 6 s excerpts at 44.1 kHz; the same seed and sources give the same files.
The sets are: piano, and 17 programs, degraded by the chains of `phone`; 17 programs degraded by
`old-phone`; excerpts degraded by recorded rooms, microphones and noises, if such folders are given;
excerpts of recordings, degraded by `phone` and by `old-phone`; recordings by real phones (a folder
with `ALIGN.csv`, whose columns are `clean`, `phone` and `lag_s`); and unaltered excerpts. Use
performances, recordings and a soundfont that are not in the model's training data. `evaluate` runs
the model on whole files as `tfaudiogan enhance` does and writes `MODEL.md` and `MODEL.json` into
the folder.

Mel distances and LSD are computed with all versions at the common level, and with powers floored at
-80 dBFS. Phone recordings have no SI-SDR, because they are aligned only to a few milliseconds. The
target of the blind equalizer is the mean of the set's own clean excerpts, which a user would not
have. The reference is another clean excerpt with the same soundfont and program, or up to eight.
"""

import argparse
import csv
import dataclasses
import functools
import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tfaudiogan.audio.blind_equalizer import BlindEqualizer, long_term_spectrum
from tfaudiogan.audio.degradation import degradation_preset
from tfaudiogan.audio.files import read_audio, write_audio
from tfaudiogan.audio.filters import convolve
from tfaudiogan.audio.levels import gain_to_common_level, measure_level
from tfaudiogan.errors import InputError
from tfaudiogan.evaluation.perceptual import is_available, perceptual_distance
from tfaudiogan.losses import SILENCE_POWER
from tfaudiogan.making.excerpts import read_excerpt
from tfaudiogan.making.midi import Transformation, find_midi_files, read_midi
from tfaudiogan.making.sources import PROGRAMS, find_recordings
from tfaudiogan.making.synthesis import find_soundfont, synthesize
from tfaudiogan.progress import progress_bar
from tfaudiogan.reporting.tables import Improvement
from tfaudiogan.reporting.text import markdown_table
from tfaudiogan.storage import write_text

RATE = 44_100
SAMPLES = 6 * RATE
LATEST_START_S = 60.0
TABLE = "excerpts.csv"
COLUMNS = ("set", "input", "target", "program")
SIDES = ("input", "target")
LONGEST_RESPONSE_S = 2.0
NO_PROGRAM = -1
QUIETEST_DBFS = -50.0
MOST_ATTEMPTS = 100
MOST_REFERENCES = 8
UNALTERED = "unaltered"
PHONES = "phones"

Clean = Callable[[np.random.Generator], tuple[np.ndarray, int]]
Degradation = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def leveled(audio: np.ndarray) -> np.ndarray:
    """Return the signal at the common level."""
    return audio * np.float32(gain_to_common_level(measure_level(audio)))


class Devices:
    """Recorded responses and noises; each call draws which of them degrade an excerpt."""

    def __init__(self, rooms: Path | None, microphones: Path | None, noises: Path | None) -> None:
        self.rooms, self.microphones = _responses(rooms), _responses(microphones)
        self.noises = [read_audio(path, RATE, mono=True)[0] for path in _files(noises)]

    def __call__(self, audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Apply a room, a noise 10 to 30 dB below the signal, and a microphone, if available."""
        if self.rooms:
            audio = convolve(audio, *self.rooms[rng.integers(len(self.rooms))])
        if self.noises:
            audio = self._noisy(audio, rng)
        if self.microphones:
            audio = convolve(audio, *self.microphones[rng.integers(len(self.microphones))])
        return audio

    def _noisy(self, audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        noise = self.noises[rng.integers(len(self.noises))]
        noise = np.resize(np.roll(noise, -int(rng.integers(len(noise)))), len(audio))
        ratio = np.sqrt(np.mean(audio**2) / max(1e-12, float(np.mean(noise**2))))
        return audio + noise * np.float32(ratio * 10 ** (-rng.uniform(10.0, 30.0) / 20.0))


def _files(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    if not folder.is_dir() or not any(folder.iterdir()):
        raise InputError(f"{folder} is not a folder of recordings; give one that contains some")
    return sorted(folder.iterdir())


def _responses(folder: Path | None) -> list[tuple[np.ndarray, int]]:
    """Read impulse responses and the index of their direct sound, their largest sample."""
    found = []
    for path in _files(folder):
        response, _ = read_audio(path, RATE, mono=True)
        direct = int(np.abs(response).argmax())
        response = response[: direct + int(LONGEST_RESPONSE_S * RATE)]
        found.append((response / np.abs(response[direct]), direct))
    return found


def render(options: argparse.Namespace) -> None:
    """Write the excerpts and their table."""
    tracks = find_midi_files(options.midi)
    soundfont = find_soundfont(options.soundfont)
    degradations = {
        name: dataclasses.replace(degradation_preset(name), clean=0.0).draw
        for name in ("phone", "old-phone")
    }

    def played(programs: Sequence[int]) -> Clean:
        def clean(rng: np.random.Generator) -> tuple[np.ndarray, int]:
            program = int(rng.choice(programs))
            return _excerpt(tracks, program, soundfont, rng), program

        return clean

    def chain(name: str) -> Degradation:
        return lambda audio, rng: degradations[name](rng)(audio, RATE)

    sets: dict[str, tuple[Clean, Degradation]] = {
        "phone, piano": (played((0,)), chain("phone")),
        "phone, 17 programs": (played(PROGRAMS), chain("phone")),
        "old-phone": (played(PROGRAMS), chain("old-phone")),
        UNALTERED: (played(PROGRAMS), lambda audio, rng: audio),
    }
    if options.rooms or options.microphones or options.noises:
        devices = Devices(options.rooms, options.microphones, options.noises)
        sets["recorded devices"] = (played(PROGRAMS), devices)
    if options.recordings:
        recordings = sorted(find_recordings(options.recordings).values())
        if not recordings:
            raise InputError(f"{options.recordings} holds no recordings; give a folder that does")
        recorded = functools.partial(_recorded_excerpt, recordings)
        sets["phone, recordings"] = (recorded, chain("phone"))
        sets["old-phone, recordings"] = (recorded, chain("old-phone"))
    rows = []
    with progress_bar() as progress:
        bar = progress.add_task("Rendering", total=len(sets) * options.excerpts, status="")
        for name, (clean, degrade) in sets.items():
            for number in range(options.excerpts):
                rng = np.random.default_rng([options.seed, list(sets).index(name), number])
                audio, program = clean(rng)
                target = leveled(audio)
                heard = degrade(target, rng)
                rows.append(_write(options.folder, name, number, heard, target, program))
                progress.update(bar, advance=1, status=name)
    if options.phones:
        rows += _phone_pairs(options.folder, options.phones)
    with (options.folder / TABLE).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([COLUMNS, *rows])


def _excerpt(tracks: list, program: int, soundfont: Path, rng: np.random.Generator) -> np.ndarray:
    """Return 6 s from a random position in the first minute of a performance."""
    while True:
        midi = read_midi(tracks[rng.integers(len(tracks))].path)
        last = max(1.0, min(LATEST_START_S, midi.get_end_time() - SAMPLES / RATE))
        start = int(rng.uniform(0.0, last) * RATE)
        played = Transformation(program=program).apply(midi)
        audio = synthesize(played, soundfont=soundfont, sample_rate=RATE, samples=start + SAMPLES)[
            start:
        ]
        if measure_level(audio) is not None:
            return audio


def _recorded_excerpt(paths: Sequence[Path], rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Return 6 s from a random position of a recording that is not too quiet, and no program."""
    for _ in range(MOST_ATTEMPTS):
        path = paths[rng.integers(len(paths))]
        audio = read_excerpt(path, rng.uniform(), SAMPLES, RATE)
        level = measure_level(audio)
        if level is not None and level > QUIETEST_DBFS:
            return audio, NO_PROGRAM
    raise InputError(f"the recordings are below {QUIETEST_DBFS:g} dBFS; give louder ones")


def _write(folder: Path, name: str, number: int, heard, target, program: int) -> tuple:
    stem = f"{name.replace(', ', '-').replace(' ', '-')}/{number:03d}"
    paths = [f"{stem}-input.wav", f"{stem}-target.wav"]
    for path, audio in zip(paths, (heard, target), strict=True):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        # Half of the common level leaves 26 dB of headroom.
        write_audio(folder / path, 0.5 * leveled(audio), RATE, floats=True)
    return (name, *paths, program)


def _phone_pairs(folder: Path, phones: Path) -> list[tuple]:
    rows = []
    if not (phones / "ALIGN.csv").is_file():
        raise InputError(f"{phones} has no ALIGN.csv; give a folder that has one")
    with (phones / "ALIGN.csv").open(newline="", encoding="utf-8") as stream:
        pairs = list(csv.DictReader(stream))
    for number, pair in enumerate(pairs):
        clean, heard = (
            read_audio(phones / Path(pair[side]).name, RATE, mono=True)[0]
            for side in ("clean", "phone")
        )
        heard = heard[round(float(pair["lag_s"]) * RATE) :]
        length = min(len(clean), len(heard), 8 * RATE)
        rows.append(_write(folder, PHONES, number, heard[:length], clean[:length], NO_PROGRAM))
    return rows


def _zimtohrli() -> Callable[[np.ndarray, np.ndarray], float] | None:
    if not is_available():
        print("no perceptual distance; pip install 'tfaudiogan[perceptual]'", file=sys.stderr)
        return None
    return functools.partial(perceptual_distance, sample_rate=RATE)


def _score(output: np.ndarray, target: np.ndarray, judge: Callable | None) -> dict[str, float]:
    from tfaudiogan import metrics

    pair = leveled(output)[None], leveled(target)[None]
    scores = {
        "si_sdr": float(metrics.si_sdr(*pair)[0]),
        "mel": float(metrics.mel_distance(*pair, RATE)[0]),
        "lsd": floored_lsd(pair[0][0], pair[1][0]),
    }
    if judge is not None:
        scores["zimtohrli"] = judge(pair[0][0], pair[1][0])
    return scores


def floored_lsd(output: np.ndarray, target: np.ndarray) -> float:
    """Return the log-spectral distance in bels, with powers floored at -80 dBFS.

    Without a floor it is infinite if a float32 spectrum has an empty bin, which occurs in nearly
    every phone recording.
    """
    from tfaudiogan.audio.spectra import power_spectrogram

    logs = [
        np.log10(np.asarray(power_spectrogram(side[np.newaxis])) + SILENCE_POWER)
        for side in (output, target)
    ]
    return float(np.sqrt(np.square(logs[0] - logs[1]).mean(axis=-1)).mean())


Systems = dict[str, Callable[[np.ndarray], np.ndarray]]


def score_systems(
    folder: Path, systems_for: Callable[[list[np.ndarray], int, list[int]], Systems]
) -> dict:
    """Return the scores of every system for every excerpt, by set.

    Args:
        folder: folder that ``render`` wrote.
        systems_for: function that returns the systems by name. Each system maps a signal at
            ``RATE`` to one of the same length. The arguments are the clean excerpts of a set, the
            number of the excerpt to score, and the numbers of up to ``MOST_REFERENCES`` references:
            the next excerpts of the same instrument, or the next excerpt if there is none.
    """
    with (folder / TABLE).open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    judge = _zimtohrli()
    results: dict[str, dict[str, list]] = {}
    with progress_bar() as progress:
        bar = progress.add_task("Evaluating", total=len(rows), status="")
        for name in dict.fromkeys(row["set"] for row in rows):
            own = [row for row in rows if row["set"] == name]
            heard, targets = (
                [read_audio(folder / row[side], RATE, mono=True)[0] for row in own]
                for side in SIDES
            )
            for number, (audio, target) in enumerate(zip(heard, targets, strict=True)):
                references = _next_alike([row["program"] for row in own], number)
                systems = {"input": lambda x: x, **systems_for(targets, number, references)}
                for system, function in systems.items():
                    scores = _score(function(audio), target, judge)
                    results.setdefault(name, {}).setdefault(system, []).append(scores)
                progress.update(bar, advance=1, status=name)
    return results


def _next_alike(programs: list[str], number: int) -> list[int]:
    others = [(number + step) % len(programs) for step in range(1, len(programs))]
    alike = [other for other in others if programs[other] == programs[number]]
    return alike[:MOST_REFERENCES] or [*others, number][:1]


def write_results(results: dict, folder: Path, stem: str) -> None:
    """Print the tables, and write them and the individual scores into the folder."""
    text = "\n\n".join(_table(name, systems) for name, systems in results.items())
    print(text)
    write_text(folder / f"{stem}.md", text + "\n")
    write_text(
        folder / f"{stem}.json", json.dumps(_finite(results), indent=1, allow_nan=False) + "\n"
    )


def _finite(values):
    """Replace values that JSON can't store by null: the SI-SDR of the target is infinite."""
    if isinstance(values, dict):
        return {key: _finite(value) for key, value in values.items()}
    if isinstance(values, list):
        return [_finite(value) for value in values]
    return values if math.isfinite(values) else None


def evaluate(options: argparse.Namespace) -> None:
    """Score a model and the equalizers on every set."""
    from tfaudiogan import enhance, load_model
    from tfaudiogan.inference.released import find_model

    model = load_model(find_model(options.model))

    known: dict[int, list[np.ndarray]] = {}

    def spectra_of(targets: list[np.ndarray]) -> list[np.ndarray]:
        if id(targets) not in known:
            known.clear()
            known[id(targets)] = [long_term_spectrum(target, RATE) for target in targets]
        return known[id(targets)]

    def systems_for(targets: list[np.ndarray], number: int, references: list[int]) -> Systems:
        blind = BlindEqualizer(np.nanmean(spectra_of(targets), axis=0))
        systems = {
            "blind equalizer": functools.partial(blind, sample_rate=RATE),
            "model": functools.partial(enhance, model, sample_rate=RATE),
        }
        for name, numbers in (("a reference", references[:1]), ("references", references)):
            heard = np.concatenate([targets[reference] for reference in numbers])
            toward = BlindEqualizer(long_term_spectrum(heard, RATE))
            systems[f"equalizer toward {name}"] = functools.partial(toward, sample_rate=RATE)
            systems[f"model with {name}"] = functools.partial(
                enhance, model, sample_rate=RATE, reference=heard
            )
        return systems

    results = score_systems(options.folder, systems_for)
    write_results(results, options.folder, Path(options.model).stem)


def _table(name: str, systems: dict[str, list[dict[str, float]]]) -> str:
    header = ["", "SI-SDR gain (dB), 95 % interval, share made worse", "SI-SDR (dB)"]
    header += ["mel distance (dB), change, share made worse", "LSD (bel, floored)"]
    judged = "zimtohrli" in systems["input"][0]
    header += ["Zimtohrli distance"] if judged else []
    before = {key: _values(systems["input"], key) for key in systems["input"][0]}
    rows = []
    for system, scores in systems.items():
        values = {key: _values(scores, key) for key in before}
        mel = values["mel"]
        change = mel.mean() / max(before["mel"].mean(), 1e-9) - 1.0
        worse = np.mean(mel > before["mel"] + 1e-6)
        gain = None
        if name not in (UNALTERED, PHONES):
            gain = Improvement.of(values["si_sdr"] - before["si_sdr"])
        rows.append(
            [
                system,
                "–" if gain is None else str(gain),
                "–" if name == PHONES else _mean_si_sdr(values["si_sdr"]),
                f"{mel.mean():.2f}, {change:+.0%}, {worse:.0%}".replace("%", " %")
                if name != UNALTERED
                else f"{mel.mean():.2f}",
                f"{values['lsd'].mean():.2f}",
                *([f"{values['zimtohrli'].mean():.4f}"] if judged else []),
            ]
        )
    count = len(systems["input"])
    return markdown_table(header, rows, f"{name}: {count} excerpts")


def _mean_si_sdr(values: np.ndarray) -> str:
    """Return the mean of the values, without those of outputs that equal the target."""
    changed = values[np.isfinite(values)]
    if len(changed) == len(values):
        return f"{values.mean():.2f}"
    equal = f"{1 - len(changed) / len(values):.0%} equal".replace("%", " %")
    return f"{equal}, {changed.mean():.2f}" if len(changed) else equal


def _values(scores: list[dict[str, float]], key: str) -> np.ndarray:
    return np.array([score[key] for score in scores])


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("render", help="Write the excerpts.")
    making.add_argument("folder", type=Path, help="Folder of the excerpts.")
    making.add_argument("--midi", type=Path, required=True, help="Folder of performances.")
    making.add_argument(
        "--soundfont", type=Path, help="Soundfont that is not in the training data."
    )
    making.add_argument("--rooms", type=Path, help="Folder of recorded room responses.")
    making.add_argument("--microphones", type=Path, help="Folder of microphone responses.")
    making.add_argument("--noises", type=Path, help="Folder of background noises.")
    making.add_argument("--recordings", type=Path, help="Folder of clean recordings of music.")
    making.add_argument("--phones", type=Path, help="Folder with ALIGN.csv and its recordings.")
    making.add_argument("--excerpts", type=int, default=40, help="Number of excerpts in each set.")
    making.add_argument("--seed", type=int, default=0, help="Random seed.")
    making.set_defaults(run=render)
    judging = commands.add_parser("evaluate", help="Score a model on the excerpts.")
    judging.add_argument("folder", type=Path, help="Folder of the excerpts.")
    judging.add_argument(
        "--model", required=True, help="Name of a released model, or path of a model in any format."
    )
    judging.set_defaults(run=evaluate)
    options = parser.parse_args()
    try:
        options.run(options)
    except InputError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
