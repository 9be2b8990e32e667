"""Compare levels with the closed forms for a sine, a square wave and a sum."""

import math

import numpy as np
import pytest

from tfaudiogan.audio.levels import (
    BLOCK,
    COMMON_LEVEL_DBFS,
    GATE_DBFS,
    LevelMeter,
    block_power,
    db_to_gain,
    gain_to_common_level,
    gain_to_db,
    measure_level,
)


def constant(level_dbfs, samples):
    return np.full(samples, db_to_gain(level_dbfs), np.float32)


@pytest.mark.parametrize(("db", "gain"), [(0, 1), (20, 10), (-20, 0.1), (-6.0206, 0.5)])
def test_decibels(db, gain):
    assert db_to_gain(db) == pytest.approx(gain, rel=1e-6)
    assert gain_to_db(gain) == pytest.approx(db, abs=1e-4)


def test_gain_zero_is_minus_infinity():
    assert gain_to_db(0.0) == -math.inf


def test_sine_of_amplitude_one():
    sine = np.sin(2 * np.pi * np.arange(BLOCK * 10) / 64)
    assert measure_level(sine) == pytest.approx(-10 * math.log10(2), abs=1e-6)


@pytest.mark.parametrize(
    ("audio", "expected"),
    [
        (np.zeros(0, np.float32), None),
        (np.zeros(5000, np.float32), None),
        (constant(GATE_DBFS - 0.01, 5000), None),
        (constant(GATE_DBFS + 0.01, 5000), GATE_DBFS + 0.01),
        (constant(-10, 1), -10),
        (np.concatenate([constant(-10, BLOCK), np.zeros(9 * BLOCK, np.float32)]), -10),
        (np.stack([constant(-10, 3000), np.zeros(3000, np.float32)], axis=1), -13.0103),
        (np.concatenate([constant(-10, BLOCK), constant(-30, BLOCK)]), -12.9671),
    ],
    ids=[
        "empty",
        "silent",
        "below the gate",
        "above the gate",
        "one sample",
        "half silent",
        "one channel silent",
        "two levels",
    ],
)
def test_level(audio, expected):
    level = measure_level(audio)
    assert level is None if expected is None else level == pytest.approx(expected, abs=1e-4)


def test_block_power_counts_the_last_block_by_its_own_length():
    audio = np.random.default_rng(0).standard_normal(2 * BLOCK + 100)
    expected = [np.mean(part**2) for part in np.split(audio, [BLOCK, 2 * BLOCK])]
    np.testing.assert_allclose(block_power(audio), expected, rtol=1e-12)


@pytest.mark.parametrize("channels", [None, 2])
@pytest.mark.parametrize("samples", [1, BLOCK, BLOCK + 1, 10_000])
def test_the_meter_does_not_depend_on_the_pieces(samples, channels):
    rng = np.random.default_rng(samples)
    shape = (samples,) if channels is None else (samples, channels)
    audio = rng.standard_normal(shape).astype(np.float32)
    meter = LevelMeter()
    for piece in np.split(audio, np.sort(rng.integers(0, samples + 1, 7))):
        meter.add(piece)
    assert meter.level_dbfs == pytest.approx(measure_level(audio), abs=1e-9)


@pytest.mark.parametrize("level", [-59.0, -20.0, 3.0])
def test_gain_brings_to_the_common_level(level):
    audio = constant(level, 5000)
    assert measure_level(audio * gain_to_common_level(level)) == pytest.approx(
        COMMON_LEVEL_DBFS, abs=1e-4
    )
    assert gain_to_common_level(level, level) == 1.0


def test_silence_keeps_its_gain():
    assert gain_to_common_level(None) == 1.0
