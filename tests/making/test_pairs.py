import numpy as np
import pytest

from tests.audio.signals import noise, plucks
from tfaudiogan.audio.alignment import correlation
from tfaudiogan.audio.files import read_audio, write_audio
from tfaudiogan.errors import InputError
from tfaudiogan.making.pairs import pair_recordings

RATE = 8000
SECONDS = 12
CLOCKS = {"a": (0.0, 0.0), "b": (0.0305, 0.0), "sub/c": (-1.25, 60.0), "d": (3.0, -90.0)}


def write(path, audio, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, audio, rate)


def seconds(length, rate=RATE):
    return np.arange(round(length * rate)) / rate


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    inputs, targets = folder / "phone", folder / "studio"
    formats = [("wav", RATE), ("flac", 11025), ("mp3", 16000), ("ogg", 12000)]
    for seed, (name, (delay, drift_ppm)) in enumerate(CLOCKS.items()):
        suffix, rate = formats[seed]
        clock = (seconds(SECONDS, rate) - delay) / (1 + drift_ppm * 1e-6)
        write(inputs / f"{name}.{suffix}", plucks(clock, seed), rate)
        write(targets / f"{name}.wav", plucks(seconds(SECONDS), seed))
    piece = plucks(seconds(SECONDS), 9)
    for name, one, other in (
        ("short", piece[:8000], piece[:8000]),
        ("lengths", piece[: 4 * RATE], piece),
        ("strangers", piece, plucks(seconds(SECONDS), 10)),
    ):
        write(inputs / f"{name}.wav", one)
        write(targets / f"{name}.wav", other)
    write(inputs / "alone.wav", piece)
    write(targets / "lonely.wav", piece)
    (inputs / "broken.wav").write_bytes(b"nothing")
    write(targets / "broken.wav", piece)
    return inputs, targets


@pytest.fixture(scope="module")
def paired(folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("corpus")
    return pair_recordings(*folders, out, sample_rate=RATE, jobs=1)


def test_delay_and_drift_are_reported_by_name(paired):
    _, report = paired
    assert set(report.matches) == set(CLOCKS)
    for name, (delay, drift_ppm) in CLOCKS.items():
        match = report.matches[name]
        # A drift that moves less than a quarter of a sample in 10 s, 3 ppm, counts as none.
        assert match.delay_ms == pytest.approx(1000 * delay, abs=0.05)
        assert match.drift_ppm == pytest.approx(drift_ppm, abs=4)
        assert match.correlation > 0.98
        assert match.agreement > 0.9
        assert not match.by_onsets


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("short", "too short: input lasts 1.00 s, target 1.00 s; 2 s or more"),
        ("lengths", "different lengths: input lasts 4.00 s, target 12.00 s"),
        ("strangers", "no correlation"),
        ("alone", "no recording of this name in .*studio"),
        ("lonely", "no recording of this name in .*phone"),
        ("broken", r"broken\.wav"),
    ],
)
def test_refused_recordings_are_named_with_the_reason(paired, name, reason):
    _, report = paired
    assert len(report.refused) == 6
    with pytest.raises(InputError, match=reason):
        raise InputError(report.refused[name])


def test_the_corpus_is_aligned(paired, folders):
    corpus, report = paired
    assert corpus.task == "pairs"
    assert {pair.split for pair in corpus.pairs} == {"train", "validation", "test"}
    for pair in corpus.pairs:
        one, other = corpus.read(pair)
        assert correlation(one, other) > 0.98
        assert pair.seconds == report.matches[pair.name].seconds
        assert pair.settings["delay_ms"] == report.matches[pair.name].delay_ms
        assert (folders[0] / pair.source).is_file()
        assert (folders[1] / pair.settings["target"]).is_file()
    exact = next(pair for pair in corpus.pairs if pair.name == "a")
    sides = [read_audio(corpus.folder / side)[0] for side in (exact.input, exact.target)]
    np.testing.assert_array_equal(*sides)


def test_a_second_run_writes_nothing(paired, folders):
    corpus, report = paired
    files = [corpus.folder / pair.input for pair in corpus.pairs]
    before = [path.stat().st_mtime_ns for path in files]
    again, repeated = pair_recordings(*folders, corpus.folder, sample_rate=RATE, jobs=1)
    assert again.checksum == corpus.checksum
    assert repeated == report
    assert [path.stat().st_mtime_ns for path in files] == before


def test_a_small_corpus_is_reported(paired):
    _, report = paired
    total = sum(match.seconds for match in report.matches.values())
    assert report.seconds == pytest.approx(total)
    assert report.shortage.startswith(f"there are only {total:.1f} s of pairs")
    assert "10.0 minutes" in report.shortage


def test_too_little_data_names_what_is_there_and_what_is_needed(tmp_path):
    for side in ("in", "out"):
        for name in ("a", "b"):
            write(tmp_path / side / f"{name}.wav", noise(3 * RATE))
        write(tmp_path / side / "c.wav", noise(RATE))
    with pytest.raises(InputError) as error:
        pair_recordings(tmp_path / "in", tmp_path / "out", tmp_path / "corpus", jobs=1)
    message = str(error.value)
    assert "2 usable pairs, 6.0 s in all; at least 3 pairs and 30.0 s are needed" in message
    assert "refused 1, such as c: too short" in message
    assert "\n" not in message
    assert not (tmp_path / "corpus").exists()


def test_recordings_marked_as_aligned_are_unchanged(tmp_path):
    for seed in range(3):
        write(tmp_path / "in" / f"{seed}.wav", noise(11 * RATE, seed))
        write(tmp_path / "out" / f"{seed}.wav", noise(10 * RATE, 100 + seed))
    corpus, report = pair_recordings(
        tmp_path / "in",
        tmp_path / "out",
        tmp_path / "corpus",
        sample_rate=RATE,
        alignment=False,
        jobs=1,
    )
    for pair in corpus.pairs:
        assert pair.samples == 10 * RATE
        assert report.matches[pair.name].agreement is None
        written, _ = read_audio(corpus.folder / pair.input)
        expected = noise(11 * RATE, int(pair.name))[: 10 * RATE]
        np.testing.assert_allclose(written, expected, atol=5e-5)  # 16 bits


@pytest.mark.parametrize("side", ["in", "out"])
def test_a_folder_without_recordings_is_named(tmp_path, side):
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
        if name != side:
            write(tmp_path / name / "a.wav", noise(RATE))
    with pytest.raises(InputError, match=f"{side} holds no recordings"):
        pair_recordings(tmp_path / "in", tmp_path / "out", tmp_path / "corpus")
