import numpy as np
import pytest

from tests.audio.signals import noise, plucks
from tfaudiogan.audio.alignment import (
    SAME_SOUND,
    Alignment,
    align,
    correlation,
    estimate_alignment,
)
from tfaudiogan.audio.degradation import Chain, Clipping, Codec, Microphone, ThermalNoise

RATE = 8000
SECONDS = 20
TIME = np.arange(SECONDS * RATE) / RATE
REFERENCE = plucks(TIME)


def recorded(delay_samples=0.0, drift_ppm=0.0, **options):
    """Return the performance at another clock rate, computed from its formula, not resampled."""
    return plucks((TIME - delay_samples / RATE) / (1 + drift_ppm * 1e-6), **options)


@pytest.mark.parametrize(
    ("delay", "drift_ppm"),
    [
        (0, 0),
        (1, 0),
        (-1, 0),
        (2.4, 0),
        (-0.3, 0),
        (163, 0),
        (-4321, 0),
        (40_000, 0),
        (0, 5),
        (700, 40),
        (-55.5, -120),
        (3000, 400),
    ],
)
def test_delay_and_drift_are_found_and_removed(delay, drift_ppm):
    recording = recorded(delay, drift_ppm)
    found = estimate_alignment(recording, REFERENCE, RATE)
    assert found.drift * 1e6 == pytest.approx(drift_ppm, abs=0.5)
    middle = SECONDS * RATE / 2
    at_middle = found.delay_s * RATE + found.drift * middle
    assert at_middle == pytest.approx(delay + drift_ppm * 1e-6 * middle, abs=0.05)
    assert found.agreement == 1.0
    assert not found.inverted
    one, other = align(recording, REFERENCE, RATE, found)
    assert len(one) == len(other) >= SECONDS * RATE - abs(delay) - 100
    assert correlation(one, other) > 0.9999


def test_a_delay_of_whole_samples_is_removed_exactly():
    recording = np.concatenate([noise(500), REFERENCE])
    one, other = align(recording, REFERENCE, RATE, estimate_alignment(recording, REFERENCE, RATE))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(other, REFERENCE)


def test_a_fraction_of_a_sample_is_interpolated():
    one, other = align(recorded(2.4), REFERENCE, RATE, Alignment(2.4 / RATE, 0.0, False, 1.0))
    assert np.linalg.norm(one - other) < 0.01 * np.linalg.norm(other)


def test_inverted_polarity_is_corrected():
    found = estimate_alignment(-recorded(37), REFERENCE, RATE)
    assert found.inverted
    assert found.delay_s * RATE == pytest.approx(37, abs=0.05)
    assert correlation(*align(-recorded(37), REFERENCE, RATE, found)) > 0.999


def test_a_degraded_recording_is_aligned_too():
    chain = Chain(
        (
            Microphone(150.0, 2, (12.0, -9.0, 6.0, -15.0, 10.0, -4.0, 0.0, 0.0)),
            Clipping("soft", 6.0),
            ThermalNoise(20.0, 0),
            Codec("mp3", 0.9),
        )
    )
    found = estimate_alignment(chain(recorded(-250, 60), RATE), REFERENCE, RATE)
    assert found.agreement > SAME_SOUND
    assert found.delay_s * RATE == pytest.approx(-250, abs=0.5)
    assert found.drift * 1e6 == pytest.approx(60, abs=4)


def test_a_phone_far_from_the_music_is_aligned_by_its_onsets():
    """There is little direct sound, and more noise than music below 200 Hz and above 3 kHz."""
    rng = np.random.default_rng(3)
    room = rng.normal(size=RATE) * np.exp(-np.arange(RATE) / (0.25 * RATE))
    room[0] += 0.3 * np.linalg.norm(room)
    distant = np.convolve(recorded(1200), room)[: len(TIME)]
    hiss = np.diff(rng.normal(size=len(TIME) + 2), 2)
    hum = np.convolve(rng.normal(size=len(TIME)), np.hanning(80), "same")
    recording = distant / distant.std() + 0.7 * hiss / hiss.std() + 0.7 * hum / hum.std()
    found = estimate_alignment(np.float32(0.05 * recording), REFERENCE, RATE)
    assert found.agreement < SAME_SOUND
    assert found.delay_s == pytest.approx(1200 / RATE, abs=0.01)


@pytest.mark.parametrize("silence", [0.0, 30.0])
def test_the_shared_part_may_lie_anywhere(silence):
    recording = np.concatenate([np.zeros(round(silence * RATE), np.float32), REFERENCE[5 * RATE :]])
    found = estimate_alignment(recording, REFERENCE, RATE)
    assert found.delay_s == silence - 5
    one, other = align(recording, REFERENCE, RATE, found)
    assert len(one) == min(SECONDS, 15 + silence) * RATE
    np.testing.assert_array_equal(one[-15 * RATE :], other[-15 * RATE :])


@pytest.mark.parametrize("delay", [0, 50, -4000])
def test_another_instrument_is_aligned_by_its_onsets(delay):
    found = estimate_alignment(recorded(delay, instrument=1), REFERENCE, RATE)
    assert found.agreement < SAME_SOUND
    if abs(delay) < 160:
        assert found.delay_s == 0
    assert found.delay_s == pytest.approx(delay / RATE, abs=0.01)
    assert found.drift == 0


@pytest.mark.parametrize(
    ("recording", "reference"),
    [
        (plucks(TIME, seed=1), REFERENCE),
        (noise(SECONDS * RATE, 1), noise(SECONDS * RATE, 2)),
        (np.zeros(SECONDS * RATE, np.float32), REFERENCE),
        (REFERENCE, np.zeros(SECONDS * RATE, np.float32)),
        (REFERENCE[:RATE], REFERENCE[:RATE]),
        (np.zeros(0, np.float32), REFERENCE),
    ],
    ids=["other music", "noise", "silence", "silent reference", "too short", "empty"],
)
def test_unrelated_recordings_have_no_alignment(recording, reference):
    assert estimate_alignment(recording, reference, RATE) is None


@pytest.mark.parametrize(("first", "last"), [(0.0, 2.0), (3.0, 5.5), (1.0, 6.0)])
def test_short_recordings(first, last):
    piece = slice(round(first * RATE), round(last * RATE))
    found = estimate_alignment(recorded(30)[piece], REFERENCE[piece], RATE)
    assert found.delay_s * RATE == pytest.approx(30, abs=0.05)


def test_correlation_is_a_cosine():
    one = noise(1000)
    assert correlation(one, 3 * one) == pytest.approx(1.0, abs=1e-6)
    assert correlation(one, -one) == pytest.approx(-1.0, abs=1e-6)
    assert correlation(one, np.zeros(1000, np.float32)) == 0.0
    assert correlation(np.float32([1, 0]), np.float32([1, 1])) == pytest.approx(0.5**0.5)
