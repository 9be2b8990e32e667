import numpy as np
import pytest
import scipy.signal
from keras import ops

from tests.evaluation.conftest import RATE, WINDOW, tone, write_track
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.writing import CorpusWriter
from tfaudiogan.errors import InputError
from tfaudiogan.evaluation.scores import (
    best_gain,
    reconstruct,
    score,
    score_tracks,
    score_windows,
)

# Metrics are computed in float32; 2e-4 dB is some ten times their rounding on these signals.
DECIBELS = 2e-4


def half(x: np.ndarray) -> np.ndarray:
    return np.float32(0.5) * x


def mean_square(generated, target):
    return ops.mean(ops.square(target - generated), axis=-1)


def snr64(generated, target):
    generated, target = np.float64(generated), np.float64(target)
    return 10 * np.log10((target**2).sum(-1) / ((target - generated) ** 2).sum(-1))


def lsd64(generated, target):
    """Compute equation 25 with SciPy's STFT."""
    powers = []
    for x in (generated, target):
        stft = scipy.signal.ShortTimeFFT(scipy.signal.windows.hann(512, sym=False), 128, fs=1)
        frames = 1 + (x.shape[-1] - 512) // 128
        spectra = stft.stft(np.float64(x), p0=2, p1=2 + frames, k_offset=0)
        powers.append(np.abs(spectra) ** 2)
    ratio = np.log10(powers[0] / powers[1])
    return np.sqrt((ratio**2).mean(-2)).mean(-1)


def sounding_windows(corpus: Corpus) -> np.ndarray:
    """Cut the grid without the silent window by hand, ``(2, n, WINDOW)``."""
    sides = []
    for pair in corpus.split("test"):
        count = pair.samples // WINDOW
        sides.append(corpus.read(pair)[:, : count * WINDOW].reshape(2, count, WINDOW))
    pairs = np.concatenate(sides, axis=1)
    return pairs[:, pairs[1].any(axis=1)]


@pytest.fixture(scope="module")
def windows_table(duo):
    return score_windows(half, duo, "test", WINDOW, batch=3)


def test_windows_against_numpy_and_scipy(duo, windows_table):
    x, y = sounding_windows(duo)
    assert (windows_table.counted, windows_table.silent) == (7, 1)
    gain = np.array([np.linalg.lstsq(a[:, None], b)[0][0] for a, b in zip(x, y, strict=True)])
    systems = {"model": 0.5 * x, "identity": x, "best_gain": gain[:, None] * np.float64(x)}
    for name, generated in systems.items():
        values = windows_table.row(name).values
        expected = snr64(generated, y)
        assert values["snr"].mean == pytest.approx(expected.mean(), abs=DECIBELS)
        assert values["snr"].std == pytest.approx(expected.std(), abs=DECIBELS)
        expected = lsd64(generated, y)
        assert values["lsd"].mean == pytest.approx(expected.mean(), abs=1e-4)
        assert values["lsd"].std == pytest.approx(expected.std(), abs=1e-4)


def test_silence_scores_zero_snr_and_has_no_lsd(windows_table):
    silence = windows_table.row("silence").values
    assert (silence["snr"].mean, silence["snr"].std) == (0.0, 0.0)
    assert (silence["lsd"].mean, silence["lsd"].undefined) == (None, 7)


def test_no_system_of_constant_gain_beats_the_best_gain(windows_table):
    best = windows_table.row("best_gain").samples["snr"]
    for name in ("model", "identity", "silence"):
        assert (windows_table.row(name).samples["snr"] <= best + DECIBELS).all()


def test_batch_changes_nothing(duo, windows_table):
    other = score_windows(half, duo, "test", WINDOW, batch=16)
    ours, theirs = (t.row("model").samples["lsd"] for t in (windows_table, other))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_limit_spreads_evenly_over_the_grid(duo):
    seen = []

    def remember(x):
        seen.extend(x)
        return x

    table = score_windows(remember, duo, "test", WINDOW, limit=4, metrics={"mse": mean_square})
    a, b = duo.split("test")
    grid = [
        duo.read(p, s, s + WINDOW)[0]
        for p, s in [(a, WINDOW), (a, 3 * WINDOW), (b, 0), (b, 2 * WINDOW)]
    ]
    assert (table.counted, table.silent) == (4, 0)
    np.testing.assert_array_equal(seen, grid)


def test_models_baselines_and_metrics_by_name(duo):
    table = score_windows(
        {"time": half, "none": lambda x: x},
        duo,
        "test",
        WINDOW,
        metrics={"mse": mean_square},
        baselines={"Turned over": np.negative},
    )
    names = [row.name for row in table.rows]
    assert names == ["time", "none", "Turned over", "identity", "silence", "best_gain"]
    assert [row.kind for row in table.rows] == ["model"] * 2 + ["baseline"] * 4
    assert table.row("none").values == table.row("identity").values
    x, y = np.float64(sounding_windows(duo))
    expected = ((y + x) ** 2).mean()
    assert table.row("Turned over").values["mse"].mean == pytest.approx(expected, rel=1e-5)
    assert table.metrics["mse"].label == "mse"


def test_windows_are_read_one_at_a_time(duo, monkeypatch):
    longest = 0
    read = Corpus.read

    def watched(self, pair, start=0, stop=None):
        nonlocal longest
        sides = read(self, pair, start, stop)
        longest = max(longest, sides.shape[1])
        return sides

    monkeypatch.setattr(Corpus, "read", watched)
    score_windows(half, duo, "test", WINDOW, metrics={"mse": mean_square})
    assert longest == WINDOW


def test_dither_is_silence_and_a_perfect_window_is_undefined(tmp_path):
    writer = CorpusWriter(tmp_path, task="pairs", sample_rate=RATE)
    audio = np.round(tone(4 * WINDOW, 500, 3) * 20000).astype(np.int16)
    dither = np.random.default_rng(4).integers(-1, 2, WINDOW)
    audio[:WINDOW] = dither
    target = audio.copy()
    target[3 * WINDOW :] //= 2
    write_track(writer, "dithered", audio, target)
    corpus = Corpus.load(tmp_path)
    (pair,) = corpus.pairs
    undo = np.float32(10 ** ((pair.target_gain_db - pair.input_gain_db) / 20))
    table = score_windows(lambda x: x * undo, corpus, "test", WINDOW)
    assert (table.counted, table.silent) == (3, 1)
    # The error of half the amplitude equals the target, which is 0 dB.
    assert table.row("model").samples["snr"][-1] == pytest.approx(0, abs=0.01)
    # Where input and target are the same but for the gain, only rounding to float32 is left.
    assert (table.row("model").samples["snr"][:2] > 100).all()


def test_tracks_against_numpy(duo):
    table = score_tracks(half, duo, "test", WINDOW, batch=2)
    assert (table.over, table.counted, table.silent) == ("tracks", 2, 0)
    for number, pair in enumerate(duo.split("test")):
        x, y = duo.read(pair).astype(np.float64)
        gain = (x @ y) / (x @ x)
        count = pair.samples // WINDOW
        grid = [side[: count * WINDOW].reshape(count, WINDOW) for side in (x, y)]
        sounding = grid[1].any(axis=1)
        for name, factor in {"model": 0.5, "identity": 1.0, "best_gain": gain}.items():
            samples = table.row(name).samples
            assert samples["snr"][number] == pytest.approx(snr64(factor * x, y), abs=DECIBELS)
            spectral = lsd64(factor * grid[0][sounding], grid[1][sounding]).mean()
            assert samples["lsd"][number] == pytest.approx(spectral, abs=1e-4)


def test_seconds_limit_a_track_from_its_first_sound(tmp_path):
    writer = CorpusWriter(tmp_path, task="pairs", sample_rate=RATE)
    silence = np.zeros(2 * RATE)
    audio = np.concatenate([silence, tone(2 * RATE, 440, 1)])
    write_track(writer, "late", audio, np.concatenate([silence, tone(2 * RATE, 550, 2)]))
    corpus = Corpus.load(tmp_path)
    table = score_tracks(half, corpus, "test", WINDOW, seconds=0.5)
    assert (table.counted, table.seconds) == (1, 0.5)
    first = corpus.pairs[0].sounding[0][0]
    x, y = corpus.read(corpus.pairs[0], first, first + RATE // 2)
    assert table.row("model").values["snr"].mean == pytest.approx(snr64(x / 2, y), abs=DECIBELS)
    assert "of at most 0.5 s" in table.caption


def test_a_track_shorter_than_a_window(tmp_path):
    writer = CorpusWriter(tmp_path, task="pairs", sample_rate=RATE)
    write_track(writer, "short", tone(700, 440, 1), tone(700, 550, 2))
    corpus = Corpus.load(tmp_path)
    table = score_tracks(half, corpus, "test", WINDOW)
    x, y = corpus.read(corpus.pairs[0])
    assert table.row("model").values["snr"].mean == pytest.approx(snr64(x / 2, y), abs=DECIBELS)
    assert table.row("model").values["lsd"].counted == 1
    with pytest.raises(InputError, match="is as long as a window of 1024 samples"):
        score_windows(half, corpus, "test", WINDOW)


def test_scores_hold_both_tables_and_their_origin(duo):
    scores = score(half, duo, "test", WINDOW, limit=2, metrics={"mse": mean_square})
    assert list(scores.tables) == ["windows", "tracks"]
    assert (scores.corpus_sha256, scores.sample_rate) == (duo.checksum, RATE)
    assert type(scores).from_json(scores.to_json()) == scores


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"split": "dev"}, InputError, "unknown split 'dev'"),
        ({"split": "train"}, InputError, "no pair of .* is in split 'train'"),
        ({"window": 8192}, InputError, "as long as a window of 8192"),
        ({"window": 1023}, ValueError, "window is 1023"),
        ({"limit": 0}, ValueError, "limit is 0 windows"),
        ({"model_fn": lambda x: x[:, 1:]}, ValueError, r"\(7, 1023\); expected \(7, 1024\)"),
        ({"model_fn": {"identity": half}}, ValueError, "expected each name once"),
    ],
)
def test_bad_arguments(duo, arguments, error, message):
    good = {"model_fn": half, "corpus": duo, "split": "test", "window": WINDOW}
    with pytest.raises(error, match=message):
        score_windows(**good | arguments)


def test_best_gain_of_silence_is_zero():
    x = np.zeros((1, 8), np.float32)
    np.testing.assert_array_equal(best_gain(x, x + 1), [0.0])


@pytest.mark.parametrize("samples", [1, 511, 512, 1024, 5000])
def test_reconstruct_with_identity_is_the_input(samples):
    audio = np.random.default_rng(samples).normal(size=samples).astype(np.float32)
    sizes = []
    result = reconstruct(lambda x: sizes.append(len(x)) or x, audio, 1024, batch=3)
    np.testing.assert_allclose(result, audio, atol=1e-6)
    assert max(sizes) <= 3


def test_unaltered_tracks_have_a_table_of_their_own(duo, tmp_path):
    writer = CorpusWriter(tmp_path, task="superres", sample_rate=RATE)
    same = tone(4 * WINDOW, 440, 1)
    write_track(writer, "altered", tone(3 * WINDOW, 440, 2), tone(3 * WINDOW, 500, 3))
    write_track(writer, "same", same, same)
    scores = score(half, Corpus.load(tmp_path), "test", WINDOW)
    assert (scores.windows.counted, scores.tables["tracks"].counted) == (3, 1)
    unaltered = scores.tables["unaltered windows"]
    assert unaltered.counted == 4
    # Half of what should stay as it is: 20 log10 2.
    assert unaltered.models[0].values["snr"].mean == pytest.approx(6.0206, abs=1e-3)
    assert unaltered.row("identity").values["snr"].undefined == 4
    assert scores.windows.row("identity").label.startswith("Cubic spline")
    assert list(score(half, duo, "test", WINDOW).tables) == ["windows", "tracks"]


def test_an_adaptive_baseline_sees_whole_tracks(duo):
    """All windows, whatever their size, get a gain that depends on the whole track."""
    seen = []

    def adapt(audio):
        seen.append(len(audio))
        gain = np.float32(audio.max())
        return lambda windows: gain * windows

    windows = score_windows(half, duo, "test", WINDOW, batch=3, adaptive={"Adapted": adapt})
    assert seen == [pair.samples for pair in duo.split("test")]
    expected = []
    for pair in duo.split("test"):
        x, y = duo.read(pair)
        count = pair.samples // WINDOW
        cut = (side[: count * WINDOW].reshape(count, WINDOW) for side in (x.max() * x, y))
        expected += [snr64(g, t) for g, t in zip(*cut, strict=True) if t.any()]
    values = windows.row("Adapted").samples["snr"]
    np.testing.assert_allclose(values, expected, atol=DECIBELS)
    tracks = score_tracks(half, duo, "test", WINDOW, adaptive={"Adapted": adapt})
    expected = [snr64(x.max() * x, y) for x, y in map(duo.read, duo.split("test"))]
    np.testing.assert_allclose(tracks.row("Adapted").samples["snr"], expected, atol=DECIBELS)


def test_the_blind_equalizer_is_computed_over_the_whole_track(tmp_path):
    from tfaudiogan.audio.blind_equalizer import BlindEqualizer, long_term_spectrum
    from tfaudiogan.evaluation.run_report import BLIND_EQUALIZER, score_model
    from tfaudiogan.inference.load import load_model

    writer = CorpusWriter(tmp_path, task="phone", sample_rate=RATE)
    rng = np.random.default_rng(0)
    for seed, split in enumerate(("train", "test")):
        # Each window of the target has its own band, so a single window is not representative.
        target = np.concatenate([tone(WINDOW, 200 * (1 + k % 12), 9 * seed + k) for k in range(36)])
        heard = scipy.signal.lfilter([0.3], [1, -0.7], target) + 0.001 * rng.normal(
            size=target.size
        )
        write_track(writer, str(seed), heard, target, split)
    corpus = Corpus.load(tmp_path)
    model = load_model(lambda windows: windows, sample_rate=RATE)
    table = score_model(model, corpus).tables["tracks"]
    clean = corpus.read(corpus.split("train")[0])[1]
    heard, target = corpus.read(corpus.split("test")[0])
    equalized = BlindEqualizer(long_term_spectrum(clean, RATE))(heard, RATE)
    values = table.row(BLIND_EQUALIZER).samples["snr"]
    np.testing.assert_allclose(values, [snr64(equalized, target)], atol=2e-3)
