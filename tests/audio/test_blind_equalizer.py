import numpy as np
import pytest
from scipy import signal

from tfaudiogan.audio.blind_equalizer import (
    CENTERS_HZ,
    BlindEqualizer,
    FilterStream,
    SpectrumMeter,
    long_term_spectrum,
    zero_phase_taps,
)

RATE = 22_050


def notes(seconds=12.0, seed=0, tilt_db=-6.0):
    """Return music-like noise bursts in every band, which fall by ``tilt_db`` per octave."""
    rng = np.random.default_rng(seed)
    samples = int(seconds * RATE)
    white = rng.standard_normal(samples)
    spectrum = np.fft.rfft(white)
    hertz = np.maximum(np.fft.rfftfreq(samples, 1 / RATE), 30.0)
    audio = np.fft.irfft(spectrum * (hertz / 1000) ** (tilt_db / 6.02), samples)
    envelope = np.exp(-6.0 * (np.arange(samples) / RATE % 0.75))
    audio *= envelope
    return (0.1 * audio / np.sqrt(np.mean(audio**2))).astype(np.float32)


def shelf(audio):
    """Return a known minimum-phase device: +6 dB above 2 kHz, -9 dB below 250 Hz."""
    b, a = signal.butter(1, 2000, fs=RATE)
    low = signal.lfilter(b, a, audio)
    audio = low + 2.0 * (audio - low)
    b, a = signal.butter(1, 250, fs=RATE)
    return (audio - 0.65 * signal.lfilter(b, a, audio)).astype(np.float32)


def inner(values):
    """Select the bands from 63 Hz to 8 kHz; a frame resolves the outer ones poorly."""
    return values[(CENTERS_HZ > 60) & (CENTERS_HZ < 8100)]


def test_white_noise_bursts_have_a_flat_spectrum():
    spectrum = inner(long_term_spectrum(notes(tilt_db=0.0), RATE))
    # Each band is a mean over hundreds of frames and few bins, accurate to about 1 dB.
    assert np.ptp(spectrum) < 2.0


@pytest.mark.parametrize("noise_db", [None, -30.0])
def test_a_known_filter_is_undone(noise_db):
    clean, other = notes(), notes(seed=1)
    heard = shelf(clean)
    if noise_db is not None:
        noise = np.random.default_rng(2).standard_normal(len(heard))
        heard = heard + np.float32(0.1 * 10 ** (noise_db / 20)) * noise.astype(np.float32)
    equalizer = BlindEqualizer(long_term_spectrum(other, RATE))
    before = inner(long_term_spectrum(heard, RATE) - long_term_spectrum(clean, RATE))
    after = inner(
        long_term_spectrum(equalizer(heard, RATE), RATE) - long_term_spectrum(clean, RATE)
    )
    assert np.std(before) > 3.0
    assert np.std(after) < 0.4 * np.std(before)


def test_a_recording_like_its_target_is_unchanged():
    audio = notes()
    equalizer = BlindEqualizer(long_term_spectrum(audio, RATE))
    np.testing.assert_allclose(equalizer(audio, RATE), audio, atol=1e-5)


def test_gains_are_limited_and_scaled_by_the_amount():
    target = long_term_spectrum(notes(tilt_db=6.0), RATE)
    full = BlindEqualizer(target, max_gain_db=5.0).gains_db(notes(), RATE)
    half = BlindEqualizer(target, amount=0.5, max_gain_db=5.0).gains_db(notes(), RATE)
    assert np.abs(full).max() == 5.0
    np.testing.assert_allclose(half, 0.5 * full)


def test_level_channels_and_pieces_make_no_difference():
    audio = notes()
    expected = long_term_spectrum(audio, RATE)
    # The gate is absolute, so it excludes a few of the quietest frames.
    np.testing.assert_allclose(long_term_spectrum(0.2 * audio, RATE), expected, atol=0.02)
    stereo = np.stack([audio, audio], axis=1)
    np.testing.assert_allclose(long_term_spectrum(stereo, RATE), expected, atol=1e-3)
    meter = SpectrumMeter(RATE)
    for piece in np.array_split(audio[:, np.newaxis], 37):
        meter.add(piece)
    np.testing.assert_allclose(meter.spectrum_db(), expected, atol=1e-6)


@pytest.mark.parametrize("audio", [np.zeros(0, np.float32), np.zeros(50_000, np.float32)])
def test_silence_stays_silence(audio):
    assert np.isnan(long_term_spectrum(audio, RATE)).all()
    equalizer = BlindEqualizer(long_term_spectrum(notes(), RATE))
    np.testing.assert_array_equal(equalizer(audio, RATE), audio)


def test_the_filter_has_the_given_gains_and_zero_phase():
    gains = 6.0 * np.sin(np.arange(len(CENTERS_HZ)) / 4.0)
    taps = zero_phase_taps(gains, 44_100)
    np.testing.assert_allclose(taps, taps[::-1], atol=1e-12)
    wanted = CENTERS_HZ[(CENTERS_HZ > 120) & (CENTERS_HZ < 16_000)]
    _, response = signal.freqz(taps, worN=wanted, fs=44_100)
    measured = 20 * np.log10(np.abs(response))
    # A filter of 46 ms resolves some 40 Hz, less than a third of an octave from 160 Hz on.
    np.testing.assert_allclose(measured, np.interp(wanted, CENTERS_HZ, gains), atol=0.4)


@pytest.mark.parametrize("pieces", [1, 7, 300])
def test_a_stream_is_filtered_like_the_whole_signal(pieces):
    rng = np.random.default_rng(0)
    audio = rng.standard_normal((3000, 2)).astype(np.float32)
    taps = rng.standard_normal(101)
    stream = FilterStream(taps, 2)
    parts = [stream.feed(piece) for piece in np.array_split(audio, pieces)]
    filtered = np.concatenate([*parts, stream.flush()])
    expected = [np.convolve(column, taps, mode="same") for column in audio.T.astype(np.float64)]
    np.testing.assert_allclose(filtered, np.stack(expected, axis=1), atol=1e-4)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="shape"):
        BlindEqualizer(np.zeros(3))
    with pytest.raises(ValueError, match="amount is 2"):
        BlindEqualizer(np.zeros(len(CENTERS_HZ)), amount=2.0)
