"""A corpus of short excerpts, each with its own instrument and degradation."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tfaudiogan.audio.degradation import (
    Chain,
    Recordings,
    cache_rooms,
    mixed_preset,
    with_room_bank,
)
from tfaudiogan.audio.degradation.presets import DegradationPreset, Mixture
from tfaudiogan.audio.degradation.recordings import NO_RECORDINGS
from tfaudiogan.audio.degradation.room import require_pyroomacoustics
from tfaudiogan.audio.draws import named_generator
from tfaudiogan.audio.files import AudioReader
from tfaudiogan.audio.levels import (
    GATE_DBFS,
    block_power,
    db_to_gain,
    gain_to_common_level,
    measure_level,
)
from tfaudiogan.audio.resampling import resample
from tfaudiogan.audio.timbre import Timbre
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.splits import SPLITS, assign_splits
from tfaudiogan.errors import InputError
from tfaudiogan.making.build import Recipe, RenderReport, build_corpus
from tfaudiogan.making.midi import find_midi_files
from tfaudiogan.making.performance import Performance
from tfaudiogan.making.phone import TASK
from tfaudiogan.making.playing import Playing
from tfaudiogan.making.sources import find_recordings
from tfaudiogan.making.synthesis import check_synthesis_rate

SHARES = {"train": 0.9, "validation": 0.05, "test": 0.05}
"""Share of each split if the number of excerpts is given for all splits together."""

ROOMS_FOLDER = ".rooms"
TIMBRE_SHARE = 0.75

_POSITIONS = 4
_GOLDEN = 0.618
_QUIETEST_DBFS = -55.0
_SOUNDING_SHARE = 0.5


def render_excerpts(
    source_folder: Path | str,
    out: Path | str,
    *,
    excerpts: int | Mapping[str, int],
    seconds: float = 6.0,
    presets: Sequence[str] = ("phone",),
    playing: Playing | None = None,
    validation_playing: Playing | None = None,
    recordings: Mapping[str, Recordings] | None = None,
    timbre: bool = True,
    drawn_rooms: int = 200,
    sample_rate: int = 44100,
    seed: int = 0,
    jobs: int | None = None,
    beam: Sequence[str] | None = None,
    overwrite: bool = False,
) -> tuple[Corpus, RenderReport]:
    """Make pairs of random excerpts from the tracks of a folder of MIDI files or recordings.

    What is drawn for an excerpt depends only on its name and the seed: the track, the position, how
    MIDI is played (``playing.Playing``), the timbre, and the degradations. More excerpts can
    therefore be added later, and the files' contents do not depend on the number of jobs. An
    excerpt belongs to its track's split. Quiet positions are skipped, and both sides are brought to
    the common level. The build is resumable (``build.build_corpus``).

    The responses of simulated rooms are computed once and kept in the corpus's folder ``.rooms``.

    Args:
        source_folder: folder of MIDI files, or of clean recordings of any format and rate, which
            are mixed to mono.
        out: folder of the corpus.
        excerpts: number of all excerpts, which are divided by ``SHARES``; or of each split by name.
        seconds: length of each excerpt.
        presets: degradation presets, mixed by ``degradation.mixed_preset``.
        playing: how MIDI is played.
        validation_playing: how MIDI is played in the splits validation and test, so that they can
            have soundfonts or programs that training does not have; ``playing`` by default.
        recordings: recorded devices for each split (``devices.find_recorded_devices``).
        timbre: whether to apply a smooth equalizer (``audio.timbre``) to both sides of three
            quarters of the training excerpts.
        drawn_rooms: number of simulated rooms for each preset.
        sample_rate: in hertz.
        seed: random seed.
        jobs: number of processes; by default one for each CPU.
        beam: pipeline options of Apache Beam, to render on many machines (``making.beam``).
        overwrite: whether to replace pairs of other settings and drop other pairs.

    Raises:
        InputError: if a setting is wrong, a file of ``recordings`` cannot be read, or
            pyroomacoustics is missing. An excerpt that cannot be made is only listed in the report.
    """
    if not 1.0 <= seconds <= 600.0:
        raise InputError(f"excerpts of {seconds:g} s; expected 1 to 600 s")
    if drawn_rooms < 1:
        raise InputError(f"{drawn_rooms} simulated rooms; expected 1 or more")
    check_synthesis_rate(sample_rate)
    counts = excerpt_counts(excerpts)
    recordings = recordings or dict.fromkeys(SPLITS, NO_RECORDINGS)
    degradations = {
        split: with_room_bank(mixed_preset(presets, recordings[split]), seed, drawn_rooms)
        for split in SPLITS
    }
    require_pyroomacoustics()
    tracks, is_midi = _find(Path(source_folder))
    playings = {"train": playing, "validation": validation_playing or playing}
    playings["test"] = playings["validation"]
    if is_midi and any(counts[split] and playings[split] is None for split in SPLITS):
        raise InputError(
            "no soundfont; give --soundfont FILE, once or more (docs/soundfonts.md names some)"
        )
    drawer = _Drawer(
        seed, seconds, " ".join(presets), degradations, playings if is_midi else {}, timbre
    )
    recipes: list[Recipe] = []
    for split, count in counts.items():
        if not tracks[split] and count:
            raise InputError(
                f"{source_folder} has no track in the split {split}; "
                "give more tracks, or ask for no excerpts of that split"
            )
        recipes += drawer.recipes(split, count, tracks[split], Path(source_folder))
    return build_corpus(
        out,
        recipes,
        _ExcerptMaker(playings if is_midi else {}, sample_rate, Path(out) / ROOMS_FOLDER),
        task=TASK,
        sample_rate=sample_rate,
        jobs=jobs,
        beam=beam,
        overwrite=overwrite,
        what=f"excerpts of {source_folder}",
    )


def excerpt_counts(excerpts: int | Mapping[str, int]) -> dict[str, int]:
    """Return the number of excerpts of each split.

    Raises:
        InputError: if a split is unknown, or a number is too small.
    """
    if not isinstance(excerpts, Mapping):
        held_out = {split: round(SHARES[split] * excerpts) for split in SPLITS[1:]}
        excerpts = {"train": excerpts - sum(held_out.values()), **held_out}
    for split, count in excerpts.items():
        if split not in SPLITS or count < 0:
            raise InputError(
                f"{count} excerpts of split {split!r}; expected 0 or more, and one of the splits "
                f"{', '.join(SPLITS)}"
            )
    if not sum(excerpts.values()):
        raise InputError("0 excerpts; expected 1 or more")
    return {split: excerpts.get(split, 0) for split in SPLITS}


def _find(folder: Path) -> tuple[dict[str, list[Path]], bool]:
    """Return the sorted tracks of each split, and whether they are MIDI files."""
    recordings = find_recordings(folder)
    if recordings:
        splits = assign_splits(recordings)
        paths = [(splits[name], path) for name, path in recordings.items()]
    else:
        paths = [(file.split, file.path) for file in find_midi_files(folder)]
    tracks = {split: sorted(path for s, path in paths if s == split) for split in SPLITS}
    return tracks, not recordings


@dataclass(frozen=True)
class _Drawer:
    """Draw the recipes of excerpts."""

    seed: int
    seconds: float
    preset: str
    degradations: Mapping[str, DegradationPreset | Mixture]
    playings: Mapping[str, Playing | None]
    timbre: bool

    def recipes(
        self, split: str, count: int, tracks: Sequence[Path], folder: Path
    ) -> Iterator[Recipe]:
        for number in range(count):
            name = f"{split}/{number // 1000:03d}/{number:06d}"
            rng = named_generator(self.seed, name)
            path = tracks[int(rng.integers(len(tracks)))]
            settings: dict[str, Any] = {
                "seed": self.seed,
                "seconds": self.seconds,
                "position": int(rng.integers(1_000_000)) / 1_000_000,
            }
            playing = self.playings.get(split)
            if playing is not None:
                settings |= playing.draw(rng)
            timbre = Timbre.draw(rng)
            use_timbre = self.timbre and split == "train" and rng.random() < TIMBRE_SHARE
            settings |= {
                "timbre": dataclasses.asdict(timbre) if use_timbre else None,
                "preset": self.preset,
                "chain": self.degradations[split].draw(rng).to_settings(),
                "libsndfile": soundfile.__libsndfile_version__,
            }
            source = path.relative_to(folder).as_posix()
            yield Recipe(name, split, source, (path,), settings)


@dataclass(frozen=True)
class _ExcerptMaker:
    """Make one excerpt from its recipe."""

    playings: Mapping[str, Playing | None]
    sample_rate: int
    rooms: Path

    def __call__(self, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
        clean = self._clean(recipe)
        chain = Chain.from_settings(recipe.settings["chain"])
        return cache_rooms(chain, self.rooms)(clean, self.sample_rate), clean

    def _clean(self, recipe: Recipe) -> np.ndarray:
        """Return the clean excerpt at the first position that has enough sound."""
        timbre = recipe.settings["timbre"]
        for attempt in range(_POSITIONS):
            position = (recipe.settings["position"] + attempt * _GOLDEN) % 1.0
            audio = self._play(recipe, position)
            level = measure_level(audio)
            if level is None or level < _QUIETEST_DBFS:
                continue
            audio = audio * np.float32(gain_to_common_level(level))
            if np.mean(block_power(audio) > db_to_gain(GATE_DBFS) ** 2) < _SOUNDING_SHARE:
                continue
            if timbre is not None:
                equalizer = Timbre(tuple(timbre["gains_db"]), timbre["octaves"])
                audio = equalizer(audio, self.sample_rate)
                audio *= np.float32(gain_to_common_level(measure_level(audio)))
            return audio
        raise InputError(f"{recipe.source}: too quiet at each of {_POSITIONS} positions")

    def _play(self, recipe: Recipe, position: float) -> np.ndarray:
        (path,) = recipe.paths
        samples = round(recipe.settings["seconds"] * self.sample_rate)
        playing = self.playings.get(recipe.split)
        if playing is None:
            return read_excerpt(path, position, samples, self.sample_rate)
        performance = Performance.read(path)
        return playing.play(performance, recipe.settings, position, samples, self.sample_rate)


def read_excerpt(path: Path, position: float, samples: int, sample_rate: int) -> np.ndarray:
    """Read an excerpt of a recording, mixed to mono and padded with silence beyond its end."""
    reader = AudioReader(path)
    source_samples = -(-samples * reader.sample_rate // sample_rate)
    start = int(position * max(0, reader.samples - source_samples))
    audio = reader.read(start, source_samples)
    audio = resample(audio.mean(axis=1), reader.sample_rate, sample_rate)[:samples]
    return np.pad(audio, (0, samples - len(audio)))
