import argparse
import csv
import json

import numpy as np
import pretty_midi
import pytest
import soundfile

from benchmarks import restoration
from tests.making.pieces import SOUNDFONT


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A piece, one response and one noise of each kind, and a pair by a phone that lags."""
    folder = tmp_path_factory.mktemp("sources")
    midi = pretty_midi.PrettyMIDI()
    midi.instruments.append(pretty_midi.Instrument(0))
    for i in range(40):
        midi.instruments[0].notes.append(pretty_midi.Note(80, 50 + i % 12, 0.4 * i, 0.4 * i + 0.3))
    (folder / "midi").mkdir()
    midi.write(str(folder / "midi" / "piece.mid"))
    rng = np.random.default_rng(0)
    response = np.zeros(2000)
    response[100], response[400] = 1.0, 0.5
    for name, audio in (
        ("rooms", response),
        ("microphones", response[90:130]),
        ("noises", 0.1 * rng.standard_normal(30_000)),
    ):
        (folder / name).mkdir()
        soundfile.write(folder / name / "one.wav", audio, restoration.RATE)
    (folder / "phones").mkdir()
    clean = 0.1 * np.cumsum(rng.standard_normal(100_000)) / 300
    soundfile.write(folder / "phones" / "a_clean.wav", clean, restoration.RATE)
    heard = np.concatenate([np.zeros(22_050), clean])
    soundfile.write(folder / "phones" / "a_phone.wav", heard, restoration.RATE)
    (folder / "phones" / "ALIGN.csv").write_text(
        "id,clean,phone,lag_s\na,pairs/a_clean.wav,pairs/a_phone.wav,0.5\n"
    )
    return folder


def render(folder, sources):
    names = ("midi", "rooms", "microphones", "noises", "phones")
    folders = {name: sources / name for name in names}
    restoration.render(
        argparse.Namespace(folder=folder, soundfont=SOUNDFONT, excerpts=1, seed=0, **folders)
    )


@pytest.mark.slow
def test_every_set_is_there_and_scored(tmp_path, sources):
    pytest.importorskip("pyroomacoustics")
    render(tmp_path / "a", sources)
    render(tmp_path / "b", sources)
    with (tmp_path / "a" / restoration.TABLE).open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["set"] for row in rows] == [
        "phone, piano",
        "phone, 17 programs",
        "old-phone",
        "unaltered",
        "recorded devices",
        "phones",
    ]
    for row in rows:
        for side in restoration.SIDES:
            # The files themselves hold the time of writing.
            first, second = (soundfile.read(tmp_path / run / row[side])[0] for run in "ab")
            np.testing.assert_array_equal(first, second)

    half = restoration.score_systems(
        tmp_path / "a", lambda targets, number, other: {"perfect": lambda audio: targets[number]}
    )
    assert half["phone, piano"]["perfect"][0]["mel"] == 0.0
    assert half["phone, piano"]["input"][0]["mel"] > 0.5
    assert half["unaltered"]["input"][0]["mel"] == 0.0
    # The phone's file lags by half a second, which the table takes out.
    assert half["phones"]["input"][0]["mel"] < 0.01
    restoration.write_results(half, tmp_path, "perfect")
    assert "100 %" in (tmp_path / "perfect.md").read_text()
    assert json.loads((tmp_path / "perfect.json").read_text()).keys() == half.keys()
