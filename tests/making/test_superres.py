import numpy as np
import pytest
import soundfile
from scipy.interpolate import CubicSpline

from tests.audio.signals import amplitude, lag, noise, sine
from tfaudiogan.audio.files import read_audio
from tfaudiogan.audio.filters import FAMILIES, LowPass
from tfaudiogan.errors import InputError
from tfaudiogan.making.superres import first_missing_bin, lower_resolution, render_superres

RATE = 8000


@pytest.mark.parametrize("ratio", [2, 4, 6])
@pytest.mark.parametrize("samples", [100, 101, 1000, 1003])
def test_the_spline_goes_through_each_kept_sample(ratio, samples):
    audio, low_pass = noise(samples), LowPass("butterworth", 4, 0.9 * RATE / ratio / 2)
    low = lower_resolution(audio, RATE, ratio, low_pass)
    kept = low_pass(audio, RATE)[::ratio]
    assert len(low) == (samples - 1) // ratio * ratio + 1
    np.testing.assert_allclose(low[::ratio], kept, atol=1e-7)
    spline = CubicSpline(np.arange(len(kept)) * ratio, kept, bc_type="clamped")
    np.testing.assert_allclose(low, spline(np.arange(len(low))), atol=1e-6)


@pytest.mark.parametrize("ratio", [2, 4, 6])
def test_the_lower_band_is_kept_and_the_upper_removed(ratio):
    half = RATE / ratio / 2
    low_pass = LowPass("elliptic", 6, 0.9 * half, ripple_db=0.05, stopband_db=50.0)
    keep = lower_resolution(sine(0.2 * half, RATE, 1.0), RATE, ratio, low_pass)
    drop = lower_resolution(sine(1.4 * half, RATE, 1.0), RATE, ratio, low_pass)
    # Ripple of 0.1 dB, and a spline at 10 samples a period.
    assert amplitude(keep, 0.2 * half, RATE) == pytest.approx(0.5, rel=0.02)
    assert np.abs(drop[RATE // 4 : -RATE // 4]).max() < 0.01


def test_drawn_filters_add_no_delay():
    rng = np.random.default_rng(0)
    audio = noise(RATE)
    for _ in range(20):
        low = lower_resolution(audio, RATE, 4, LowPass.draw(rng, (800.0, 1000.0)))
        assert lag(audio[: len(low)], low) == 0


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    for number in range(12):
        soundfile.write(folder / f"{number}.wav", noise(RATE // 2, number), RATE)
    return folder


def test_pairs_are_the_spline_and_the_recording(recordings, tmp_path):
    corpus, report = render_superres(recordings, tmp_path, ratio=4, sample_rate=RATE, jobs=1)
    assert corpus.task == "superres"
    assert len(report.rendered) == len(corpus.pairs) == 12
    assert len({pair.settings["low_pass"]["family"] for pair in corpus.pairs}) > 2
    for pair in corpus.pairs:
        assert pair.settings["ratio"] == 4
        low_pass = LowPass(**pair.settings["low_pass"])
        assert low_pass.family in FAMILIES
        assert 800 <= low_pass.cutoff_hz <= 1000
        clean, _ = read_audio(recordings / pair.source)
        expected = lower_resolution(clean, RATE, 4, low_pass)
        # 16-bit files round by half a step of 3e-5.
        np.testing.assert_allclose(read_audio(tmp_path / pair.input)[0], expected, atol=5e-5)
        np.testing.assert_allclose(
            read_audio(tmp_path / pair.target)[0], clean[: len(expected)], atol=5e-5
        )
    _, again = render_superres(recordings, tmp_path, ratio=4, sample_rate=RATE, jobs=1)
    assert len(again.skipped) == 12


def test_an_unsupported_ratio_is_named(recordings, tmp_path):
    with pytest.raises(InputError, match="ratio is 3; expected one of 2, 4, 6"):
        render_superres(recordings, tmp_path, ratio=3)


def test_the_first_missing_bin_is_where_the_lowest_cutoff_may_be(recordings, tmp_path):
    corpus, _ = render_superres(recordings, tmp_path / "two", ratio=2, sample_rate=16000)
    # 0.8 of half of 8 kHz is 3.2 kHz, the bin 204.8 of 1,024 samples
    assert first_missing_bin(corpus, 1024) == 204
    lowest = min(pair.settings["low_pass"]["cutoff_hz"] for pair in corpus.pairs)
    assert lowest >= 204 * 16000 / 1024
