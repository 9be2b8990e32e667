import numpy as np
import pytest
from scipy import signal

from tests.audio.signals import noise
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.corpus.writing import CorpusWriter
from tfaudiogan.errors import InputError
from tfaudiogan.evaluation import equalizer
from tfaudiogan.evaluation.equalizer import Equalizer, fit_equalizer

RATE = 8000
KNOWN = np.array([0.1, -0.3, 0.5, 1.0, 0.2, -0.4, 0.05])
SPLITS = ("train", "train", "validation", "test")


def write_corpus(folder, make_target, samples=20_000):
    writer = CorpusWriter(folder, "pairs", RATE)
    for seed, split in enumerate(SPLITS):
        heard = np.convolve(noise(samples, seed), [1.0, 0.6, 0.2], "same").astype(np.float32)
        pair = writer.write_pair(
            heard,
            make_target(heard, split),
            name=str(seed),
            split=split,
            source="",
            source_sha256="",
            settings={},
        )
        writer.record(pair)
    return Corpus.load(folder)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    def make_target(heard, split):
        kernel = KNOWN if split == "train" else [1.0]
        return np.convolve(heard, kernel, "same").astype(np.float32)

    return write_corpus(tmp_path_factory.mktemp("known"), make_target)


def gain_ratio(corpus, split="train"):
    pair = corpus.split(split)[0]
    return 10 ** ((pair.target_gain_db - pair.input_gain_db) / 20)


@pytest.mark.parametrize("block", [1 << 17, 3000])
def test_a_known_filter_is_found(corpus, monkeypatch, block):
    monkeypatch.setattr(equalizer, "_BLOCK", block)
    found = fit_equalizer(corpus, taps=15).taps
    expected = np.concatenate([np.zeros(4), KNOWN, np.zeros(4)]) * gain_ratio(corpus)
    # Each track has its own level, within 1 % of the other's; 16-bit files add noise at -75 dB.
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_the_normal_equations_are_those_of_least_squares(tmp_path, monkeypatch):
    monkeypatch.setattr(equalizer, "_BLOCK", 700)
    rng = np.random.default_rng(0)

    def make_target(heard, split):
        return (0.05 * rng.standard_normal(len(heard)) + np.roll(heard, 1)).astype(np.float32)

    corpus = write_corpus(tmp_path, make_target, samples=3000)
    found = fit_equalizer(corpus, taps=9, regularization=0.0).taps
    rows, targets = [], []
    for pair in corpus.split("train"):
        heard, target = corpus.read(pair).astype(np.float64)
        # The autocorrelation method filters the track with silence around it.
        column = np.concatenate([heard, np.zeros(8)])
        rows.append(np.stack([np.roll(column, k) for k in range(9)], axis=1))
        targets.append(np.concatenate([np.zeros(4), target, np.zeros(4)]))
    expected = np.linalg.lstsq(np.concatenate(rows), np.concatenate(targets), rcond=None)[0]
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_each_window_is_filtered_separately():
    taps = np.random.default_rng(0).standard_normal(31)
    windows = noise(4 * 200).reshape(4, 200)
    filtered = Equalizer(taps)(windows)
    assert filtered.dtype == np.float32
    expected = [np.convolve(window, taps, "same") for window in windows]
    np.testing.assert_allclose(filtered, expected, atol=1e-5)  # float32 FFT, sums of 31 terms


def test_a_window_may_be_shorter_than_the_filter():
    taps = np.zeros(255)
    taps[127] = 2.0
    windows = noise(3 * 100).reshape(3, 100)
    np.testing.assert_allclose(Equalizer(taps)(windows), 2 * windows, atol=1e-6)


def test_it_undoes_an_equalizer_as_well_as_a_wiener_filter(tmp_path):
    """With input = filtered target + noise, the error's spectrum is S N / (S |H|² + N)."""
    response = signal.firwin2(65, [0, 0.2, 0.5, 1], [1.0, 1.0, 0.1, 0.1])
    target_power, noise_power = 0.01, 0.0001
    writer = CorpusWriter(tmp_path, "pairs", RATE)
    for seed, split in enumerate(SPLITS):
        target = noise(80_000, seed)
        heard = np.convolve(target, response, "same") + noise(80_000, 50 + seed, level=0.01)
        pair = writer.write_pair(
            heard.astype(np.float32),
            target,
            name=str(seed),
            split=split,
            source="",
            source_sha256="",
            settings={},
        )
        writer.record(pair)
    corpus = Corpus.load(tmp_path)
    heard, target = corpus.read(corpus.split("test")[0])
    fitted = fit_equalizer(corpus, taps=255)(heard[np.newaxis])[0]
    _, magnitude = signal.freqz(response, worN=2048)
    kept = np.abs(magnitude) ** 2 * target_power
    least = np.mean(target_power * noise_power / (kept + noise_power)) / target_power
    error = np.mean((fitted - target) ** 2) / np.mean(target**2)
    # 160000 training samples for 255 taps give 0.2 % above the least error, and as much variation.
    assert error == pytest.approx(least, rel=0.03)


def test_only_the_given_split_and_seconds_are_used(corpus):
    other = fit_equalizer(corpus, taps=3, split="test").taps
    np.testing.assert_allclose(other, [0, 1, 0], atol=1e-3)
    whole, part = fit_equalizer(corpus, taps=3), fit_equalizer(corpus, taps=3, max_seconds=0.5)
    assert not np.array_equal(whole.taps, part.taps)
    np.testing.assert_allclose(part.taps, whole.taps, atol=0.1)


@pytest.mark.parametrize("taps", [0, 2, -3])
def test_a_bad_length_is_named(corpus, taps):
    with pytest.raises(ValueError, match=f"taps is {taps}"):
        fit_equalizer(corpus, taps=taps)


def test_an_unknown_split_is_named(corpus):
    with pytest.raises(InputError, match="'dev'"):
        fit_equalizer(corpus, split="dev")


def test_taps_without_a_middle_are_named():
    with pytest.raises(ValueError, match=r"\(4,\)"):
        Equalizer(np.zeros(4))
