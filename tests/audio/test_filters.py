import numpy as np
import pytest
from scipy import signal

from tests.audio.signals import noise
from tfaudiogan.audio import filters
from tfaudiogan.audio.filters import FAMILIES, LowPass, convolve, zero_phase

RATE = 16000
IIR = [family for family in FAMILIES if family != "fir"]


def impulse_response(low_pass, size=8193):
    impulse = np.zeros(size, np.float32)
    impulse[size // 2] = 1.0
    return low_pass(impulse, RATE).astype(np.float64)


def spectrum(response, hz):
    """Return the spectrum with time 0 at the middle sample; it is real for a zero-phase filter."""
    time = np.arange(len(response)) - len(response) // 2
    return np.exp(-2j * np.pi / RATE * np.outer(hz, time)) @ response


@pytest.mark.parametrize("family", IIR)
def test_recursive_filters_apply_their_squared_magnitude_and_no_phase(family):
    low_pass = LowPass(family, 4, 3000.0, ripple_db=0.5, stopband_db=40.0)
    response = impulse_response(low_pass)
    # The response is computed in float64 and kept in float32: steps of 6e-8 of a peak below 1.
    np.testing.assert_allclose(response, response[::-1], atol=1e-6)
    hz, once = signal.freqz_sos(low_pass.sections(RATE), worN=65, fs=RATE)
    zero_centered = np.fft.ifftshift(response)
    spectrum = np.array(
        [np.sum(zero_centered * np.exp(-2j * np.pi * f / RATE * _time())) for f in hz]
    )
    np.testing.assert_allclose(spectrum, np.abs(once) ** 2, atol=2e-5)


def _time(size=8193):
    return np.fft.ifftshift(np.arange(size) - size // 2)


def test_butterworth_has_its_closed_form():
    response = impulse_response(LowPass("butterworth", 3, 2000.0))
    hz = np.array([500.0, 2000.0, 4000.0])
    ratio = np.tan(np.pi * hz / RATE) / np.tan(np.pi * 2000.0 / RATE)  # bilinear transform
    np.testing.assert_allclose(spectrum(response, hz), 1 / (1 + ratio**6), atol=1e-5)


def test_fir_is_scipys_window_design_centered():
    response = impulse_response(LowPass("fir", 64, 3000.0))
    expected = np.zeros(8193)
    expected[4096 - 32 : 4096 + 33] = signal.firwin(65, 3000.0, fs=RATE)
    np.testing.assert_allclose(response, expected, atol=1e-7)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("samples", [0, 1, 2, 7, 500])
def test_any_length_is_kept(family, samples):
    low = LowPass(family, 4, 3000.0)(noise(samples), RATE)
    assert low.shape == (samples,)
    assert low.dtype == np.float32
    assert np.isfinite(low).all()


def test_a_cutoff_above_half_the_rate_lets_everything_through():
    audio = noise(100)
    np.testing.assert_array_equal(LowPass("elliptic", 4, 8000.0)(audio, RATE), audio)


def test_drawn_filters_are_stable_and_pass_the_low_end():
    rng = np.random.default_rng(0)
    families = set()
    for _ in range(100):
        low_pass = LowPass.draw(rng, (2000.0, 4000.0))
        families.add(low_pass.family)
        assert 2000 <= low_pass.cutoff_hz <= 4000
        response = impulse_response(low_pass)
        # Ripple of at most 1 dB a pass.
        assert 10 ** (-2.1 / 20) < response.sum() < 1.001
        assert np.abs(response[:1000]).max() < 1e-4
    assert families == set(FAMILIES)


@pytest.mark.parametrize("origin", [None, 0, 7, 30])
@pytest.mark.parametrize("block", [20, 100, 2000])
def test_convolution_in_blocks_is_convolution(monkeypatch, origin, block):
    monkeypatch.setattr(filters, "_BLOCK", block)
    audio, taps = noise(1037), np.random.default_rng(1).standard_normal(31)
    start = 15 if origin is None else origin
    expected = np.convolve(audio, taps)[start : start + 1037]
    # FFT convolution in float64 of a peak of about 2, kept in float32.
    np.testing.assert_allclose(convolve(audio, taps, origin), expected, atol=1e-6)


def test_zero_phase_is_sosfiltfilt():
    sections = signal.butter(3, 1000.0, fs=RATE, output="sos")
    audio = noise(1000)
    np.testing.assert_allclose(
        zero_phase(sections, audio),
        signal.sosfiltfilt(sections, audio, padlen=6 * len(sections) + 3),
        atol=1e-7,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("brickwall", 4, 1000.0), "brickwall"),
        (("butterworth", 0, 1000.0), "order is 0"),
        (("fir", 33, 1000.0), "even"),
        (("bessel", 4, 0.0), "cutoff_hz is 0"),
        (("bessel", 4, float("nan")), "cutoff_hz is nan"),
    ],
)
def test_bad_values_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        LowPass(*arguments)
