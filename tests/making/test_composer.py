import collections
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tfaudiogan
from tfaudiogan.making.composer import compose, compose_corpus
from tfaudiogan.making.midi import find_midi_files, read_midi

SEEDS = range(24)
SECONDS = 45.0
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10, 11),
}


@pytest.fixture(scope="module")
def pianos():
    return [compose(seed, SECONDS).instruments[0] for seed in SEEDS]


def pieces_checksum(folder):
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def best_scale_share(notes):
    """Share of the sounding time that the best major or minor scale explains."""
    weights = np.zeros(12)
    for note in notes:
        weights[note.pitch % 12] += note.end - note.start
    return max(
        weights[[(tonic + step) % 12 for step in scale]].sum() / weights.sum()
        for tonic in range(12)
        for scale in SCALES.values()
    )


def melody(notes):
    """Return the highest note of each onset above the usual range of the accompaniment."""
    onsets = collections.defaultdict(int)
    for note in notes:
        if note.pitch > 71:
            onsets[round(note.start / 0.1)] = max(note.pitch, onsets[round(note.start / 0.1)])
    return [pitch for _, pitch in sorted(onsets.items())]


def test_one_piano_that_ends_in_time(pianos):
    for piano in pianos:
        assert piano.program == 0 and not piano.is_drum
        assert max(note.end for note in piano.notes) == pytest.approx(SECONDS, abs=0.5)
        assert min(note.start for note in piano.notes) < 1.0


def test_notes_are_playable(pianos):
    for piano in pianos:
        free = {}
        for note in sorted(piano.notes, key=lambda note: note.start):
            assert 21 <= note.pitch <= 108 and 1 <= note.velocity <= 127
            assert note.end - note.start > 0.02
            assert note.start > free.get(note.pitch, -1.0)
            free[note.pitch] = note.end


def test_pieces_use_keyboard_and_dynamics_and_differ(pianos):
    pitches = [{note.pitch for note in piano.notes} for piano in pianos]
    assert min(map(min, pitches)) < 26 and max(map(max, pitches)) > 98
    assert np.median([max(p) - min(p) for p in pitches]) > 50
    for piano in pianos:
        velocities = [note.velocity for note in piano.notes]
        assert max(velocities) - min(velocities) > 25
    loudness = [np.mean([note.velocity for note in piano.notes]) for piano in pianos]
    assert max(loudness) - min(loudness) > 15
    density = [len(piano.notes) / SECONDS for piano in pianos]
    assert min(density) > 2 and max(density) / min(density) > 1.5


def test_music_keeps_to_a_key_for_a_while(pianos):
    """Twelve notes of equal weight would give 7/12 or 8/12 by chance."""
    shares = []
    for piano in pianos:
        for start in np.arange(0, SECONDS - 5, 5):
            shares.append(
                best_scale_share([n for n in piano.notes if start <= n.start < start + 5])
            )
    assert np.mean(shares) > 0.95
    assert min(shares) > 0.75


def test_motifs_recur(pianos):
    """Sequences of four intervals recur more often than in the same notes in another order."""
    rng = np.random.default_rng(0)

    def recurring(line):
        grams = [tuple(np.diff(line[i : i + 5])) for i in range(len(line) - 4)]
        counts = collections.Counter(grams)
        return np.mean([counts[gram] > 1 for gram in grams])

    lines = [line for line in (melody(piano.notes) for piano in pianos) if len(line) > 30]
    composed = np.mean([recurring(line) for line in lines])
    shuffled = np.mean([recurring(rng.permutation(line)) for line in lines])
    assert composed > 0.3
    assert composed > 10 * shuffled


def test_the_tempo_varies(pianos):
    """Onsets are not on a grid: the tempo drifts, and the playing is not mechanical."""
    for piano in pianos:
        starts = np.array(sorted(note.start for note in piano.notes))
        for step in np.arange(0.08, 0.6, 0.002):
            phase = np.abs(np.exp(2j * np.pi * starts / step).mean())
            assert phase < 0.75


def test_pedal_follows_the_harmony(pianos):
    pressed = []
    for piano in pianos:
        changes = piano.control_changes
        assert {change.number for change in changes} == {64}
        times = [change.time for change in changes]
        assert times == sorted(times)
        assert all(0 <= change.value <= 127 for change in changes)
        assert changes[-1].value == 0
        down = [change.time for change in changes if change.value >= 64]
        up = [change.time for change in changes if change.value == 0]
        assert len(up) > len(down) * 0.9
        pressed.append(len(down))
    assert np.median(pressed) > 10


def test_same_seed_same_piece_and_another_seed_another(tmp_path):
    paths = [tmp_path / name for name in ("one.mid", "again.mid", "two.mid")]
    for path, seed in zip(paths, (5, 5, 6), strict=True):
        compose(seed, 20).write(str(path))
    one, again, two = (path.read_bytes() for path in paths)
    assert one == again
    assert one != two


def test_another_process_composes_the_same_bytes(tmp_path):
    compose_corpus(tmp_path / "here", 3, seconds=12, pieces={"train": 2, "test": 1})
    code = (
        "from tfaudiogan.making.composer import compose_corpus; import sys;"
        "compose_corpus(sys.argv[1], 3, seconds=12, pieces={'train': 2, 'test': 1})"
    )
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "1234",
        "PYTHONPATH": str(Path(tfaudiogan.__file__).parents[1]),
    }
    subprocess.run(
        [sys.executable, "-c", code, tmp_path / "there"], env=environment, check=True, timeout=60
    )
    assert pieces_checksum(tmp_path / "here") == pieces_checksum(tmp_path / "there")


def test_corpus_is_in_the_maestro_layout(tmp_path):
    pieces = {"train": 3, "validation": 1, "test": 2}
    tracks = find_midi_files(compose_corpus(tmp_path, seconds=15, pieces=pieces))
    assert collections.Counter(track.split for track in tracks) == pieces
    assert len({track.piece for track in tracks}) == 6
    for track in tracks:
        midi = read_midi(track.path)
        assert 0.8 * 15 - 1 < midi.get_end_time() < 1.2 * 15 + 1
    assert len({track.path.read_bytes() for track in tracks}) == 6


def test_adding_pieces_does_not_change_the_others(tmp_path):
    compose_corpus(tmp_path / "few", seconds=10, pieces={"train": 1, "test": 1})
    compose_corpus(tmp_path / "more", seconds=10, pieces={"train": 3, "validation": 1, "test": 1})
    for path in (tmp_path / "few").rglob("*.mid"):
        place = path.relative_to(tmp_path / "few")
        assert path.read_bytes() == (tmp_path / "more" / place).read_bytes()


@pytest.mark.parametrize("seconds", [10.0, 11.5, 17.0, 300.0])
def test_any_length(seconds):
    for seed in range(4):
        notes = compose(seed, seconds).instruments[0].notes
        assert max(note.end for note in notes) == pytest.approx(seconds, abs=0.5)


@pytest.mark.parametrize(
    ("seed", "seconds", "shown"),
    [(0, 9.9, "9.9"), (0, float("nan"), "nan"), (0, float("inf"), "inf"), (-1, 20, "-1")],
)
def test_bad_arguments(seed, seconds, shown):
    with pytest.raises(ValueError, match=shown):
        compose(seed, seconds)
