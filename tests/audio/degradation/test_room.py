import math

import numpy as np
import pytest

from tests.audio.signals import lag, noise
from tfaudiogan import extras
from tfaudiogan.audio.degradation import Room
from tfaudiogan.audio.degradation import room as module
from tfaudiogan.errors import InputError

RATE = 16000
SIZE, SOURCE, MICROPHONE = (5.0, 4.0, 3.0), (2.0, 1.7, 1.2), (2.6, 2.2, 1.5)


@pytest.fixture
def acoustics():
    return pytest.importorskip("pyroomacoustics")


def band(audio):
    """Remove what the 10 Hz high-pass and the ends of the sinc kernels of the room change."""
    spectrum = np.fft.rfft(audio)
    hz = np.fft.rfftfreq(len(audio), 1 / RATE)
    return np.fft.irfft(np.where((hz > 100) & (hz < 6000), spectrum, 0), len(audio))


@pytest.mark.parametrize("order", [0, 1])
def test_first_reflections_are_the_mirror_images(acoustics, monkeypatch, order):
    monkeypatch.setattr(module, "MAX_ORDER", order)
    room = Room(SIZE, SOURCE, MICROPHONE, 0.3)
    audio = np.concatenate([band(noise(6144) * np.hanning(6144)), np.zeros(2048)])
    direct = math.dist(SOURCE, MICROPHONE)
    images = [(direct, 1.0)]
    for axis in range(3 * order):
        for wall in (0.0, SIZE[axis]):
            image = list(SOURCE)
            image[axis] = 2 * wall - SOURCE[axis]
            images.append((math.dist(image, MICROPHONE), math.sqrt(1 - room.absorption)))
    spectrum = np.fft.rfft(audio)
    hz = np.fft.rfftfreq(len(audio), 1 / RATE)
    speed = acoustics.constants.get("c")
    for_each = [
        spectrum * gain * direct / way * np.exp(-2j * np.pi * hz * (way - direct) / speed)
        for way, gain in images
    ]
    expected = np.fft.irfft(sum(for_each), len(audio))
    error = band(room(audio, RATE) - expected)
    # pyroomacoustics takes its sinc kernels from a table with 20 points per sample.
    assert np.linalg.norm(error) < 0.02 * np.linalg.norm(expected)


def test_sabines_absorption_gives_the_reverberation_time(acoustics):
    room = Room((6.0, 5.0, 3.0), (2.0, 1.7, 1.2), (4.0, 3.2, 1.5), 0.4)
    response, start = room.response(RATE)
    energy = np.cumsum(response[start:][::-1] ** 2)[::-1]  # Schroeder 1965
    decay = 10 * np.log10(energy / energy[0])
    time = np.arange(len(decay)) / RATE
    fit = (decay < -5) & (decay > -25)
    # Sabine's formula assumes a diffuse field; a box with uniform walls is within 20 % of it.
    assert -60 / np.polyfit(time[fit], decay[fit], 1)[0] == pytest.approx(0.4, rel=0.2)


def test_drawn_rooms_add_no_delay(acoustics):
    rng = np.random.default_rng(0)
    audio = noise(RATE)
    for _ in range(8):
        room = Room.draw(rng, rt60_s=(0.15, 0.4), distance_m=(0.2, 0.8))
        assert 0.2 <= math.dist(room.source_m, room.microphone_m) <= 0.802
        heard = room(audio, RATE)
        assert heard.shape == audio.shape
        assert heard.dtype == np.float32
        assert lag(audio, heard) == 0


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_any_length_is_kept(acoustics, samples):
    assert Room(SIZE, SOURCE, MICROPHONE, 0.2)(noise(samples), RATE).shape == (samples,)


def test_without_pyroomacoustics_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'tfaudiogan\[phone\]'"):
        Room(SIZE, SOURCE, MICROPHONE, 0.2)(noise(10), RATE)


@pytest.mark.parametrize(
    ("source", "microphone", "rt60", "message"),
    [
        ((6.0, 1.0, 1.0), MICROPHONE, 0.3, "source_m"),
        (SOURCE, (1.0, 1.0, 0.0), 0.3, "microphone_m"),
        (SOURCE, SOURCE, 0.3, "both"),
        (SOURCE, MICROPHONE, 0.0, "rt60_s is 0"),
    ],
)
def test_bad_rooms_are_named(source, microphone, rt60, message):
    with pytest.raises(ValueError, match=message):
        Room(SIZE, source, microphone, rt60)
