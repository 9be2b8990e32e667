import argparse
import csv
import json

import numpy as np
import pretty_midi
import pytest
import soundfile
from scipy import signal

from benchmarks import restoration
from tests.making.pieces import SOUNDFONT


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Write a piece, one response and one noise of each kind, and a pair with a delayed phone."""
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
        ("recordings", 0.1 * rng.standard_normal(400_000)),
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
    names = ("midi", "rooms", "microphones", "noises", "recordings", "phones")
    folders = {name: sources / name for name in names}
    restoration.render(
        argparse.Namespace(folder=folder, soundfont=SOUNDFONT, excerpts=1, seed=0, **folders)
    )


@pytest.mark.slow
def test_every_set_is_rendered_and_scored(tmp_path, sources):
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
        "phone, recordings",
        "old-phone, recordings",
        "phones",
    ]
    for row in rows:
        for side in restoration.SIDES:
            # The files contain the time at which they were written.
            first, second = (soundfile.read(tmp_path / run / row[side])[0] for run in "ab")
            np.testing.assert_array_equal(first, second)

    half = restoration.score_systems(
        tmp_path / "a", lambda targets, number, other: {"perfect": lambda audio: targets[number]}
    )
    assert half["phone, piano"]["perfect"][0]["mel"] == 0.0
    assert half["phone, piano"]["input"][0]["mel"] > 0.5
    assert half["unaltered"]["input"][0]["mel"] == 0.0
    # The phone's file is delayed by half a second, which the table corrects.
    assert half["phones"]["input"][0]["mel"] < 0.01
    restoration.write_results(half, tmp_path, "perfect")
    assert "100 %" in (tmp_path / "perfect.md").read_text()
    assert json.loads((tmp_path / "perfect.json").read_text()).keys() == half.keys()


def test_each_kind_of_device_is_optional(sources):
    audio = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    rng = np.random.default_rng(1)
    same = restoration.Devices(None, None, None)(audio, rng)
    np.testing.assert_array_equal(same, audio)
    # The microphone of these sources is a single sample, which changes nothing.
    for kind, folder in (("rooms", "rooms"), ("microphones", "rooms"), ("noises", "noises")):
        given = {"rooms": None, "microphones": None, "noises": None, kind: sources / folder}
        heard = restoration.Devices(**given)(audio, rng)
        assert heard.shape == audio.shape
        assert np.abs(heard - audio).max() > 1e-3


def test_lsd_equals_scipys_with_a_floor():
    """Most bins are near the floor: half of the target is silent, and a phone's band is narrow."""
    rng = np.random.default_rng(0)
    target = 0.1 * rng.standard_normal(20_000).astype(np.float32)
    target[10_000:] = 0.0
    low_pass = signal.butter(12, 3000, fs=restoration.RATE, output="sos")
    heard = signal.sosfilt(low_pass, target).astype(np.float32)
    logs = []
    for side in (heard, target):
        window = signal.windows.hann(512, sym=False)
        frames = np.lib.stride_tricks.sliding_window_view(np.float64(side), 512)[::128]
        power = np.abs(np.fft.rfft(frames * window)) ** 2 / np.sum(window**2)
        logs.append(np.log10(power + 1e-8))
    expected = np.sqrt(((logs[0] - logs[1]) ** 2).mean(-1)).mean()
    # float32 rounding at 1e-7 of the peak is far below the floor of 1e-4 in amplitude.
    assert restoration.floored_lsd(heard, target) == pytest.approx(expected, abs=1e-3)
    assert restoration._score(target, target, None)["lsd"] == 0.0


def test_silent_bins_leave_the_distance_finite():
    silence = np.zeros(20_000, np.float32)
    audio = np.sin(0.05 * np.arange(20_000)).astype(np.float32)
    assert np.isfinite(restoration.floored_lsd(silence, audio))


def test_results_are_standard_json(tmp_path):
    scores = [{"si_sdr": np.inf, "mel": 0.0, "lsd": 0.0}]
    restoration.write_results({"unaltered": {"input": scores}}, tmp_path, "a")

    def refuse(constant):
        raise AssertionError(constant)

    read = json.loads((tmp_path / "a.json").read_text(), parse_constant=refuse)
    assert read["unaltered"]["input"][0] == {"si_sdr": None, "mel": 0.0, "lsd": 0.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "{}", "--model", "no-such-model"], "no-such-model"),
        (["render", "{}/out", "--midi", "{}/midi", "--phones", "{}"], "no ALIGN.csv"),
        (
            ["render", "{}/out", "--midi", "{}/midi", "--rooms", "{}/none"],
            "not a folder of recordings",
        ),
    ],
)
def test_bad_input_gives_one_line_and_status_2(sources, monkeypatch, capsys, arguments, message):
    arguments = [argument.format(sources) for argument in arguments]
    if arguments[0] == "render":
        arguments += ["--soundfont", str(SOUNDFONT), "--excerpts", "0"]
    monkeypatch.setattr("sys.argv", ["restoration", *arguments])
    with pytest.raises(SystemExit) as ended:
        restoration.main()
    assert ended.value.code == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in error
