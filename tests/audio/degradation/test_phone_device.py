import numpy as np
import pytest

from tests.audio.signals import amplitude, lag, noise, sine
from tfaudiogan.audio.degradation import PhoneDevice

RATE = 44100


@pytest.mark.parametrize("phase", ["minimum", "zero"])
@pytest.mark.parametrize(
    ("device", "hz", "expected_db"),
    [
        ((200.0, 1, (), 0.0, 1), 200.0, -3.01),
        ((200.0, 3, (), 0.0, 1), 100.0, -18.13),  # -10 log10(1 + 2^6)
        ((50.0, 1, ((1000.0, 2.0, 6.0),), 0.0, 1), 1000.0, 5.99),  # less the low cut's 0.01
        ((50.0, 1, ((1000.0, 2.0, 6.0),), 0.0, 1), 2000.0, 0.60),  # 6 / (1 + (2 * 1.5)^2)
        ((50.0, 1, (), 4000.0, 2), 8000.0, -12.30),  # -10 log10(1 + 2^4)
    ],
)
def test_the_response_is_the_closed_form(device, hz, expected_db, phase):
    heard = PhoneDevice(*device, phase)(sine(hz, RATE, 2.0), RATE)
    assert 20 * np.log10(amplitude(heard, hz, RATE) / 0.5) == pytest.approx(expected_db, abs=0.05)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_drawn_devices_stay_aligned(rate):
    rng = np.random.default_rng(0)
    audio = noise(rate)
    phases = set()
    for _ in range(12):
        device = PhoneDevice.draw(rng)
        phases.add(device.phase)
        assert 90 <= device.low_cut_hz <= 450
        assert 2 <= len(device.resonances) <= 6
        assert all(abs(gain) <= 8 for _, _, gain in device.resonances)
        heard = device(audio, rate)
        assert heard.shape == audio.shape
        assert heard.dtype == np.float32
        # Minimum phase shifts the frequencies near the low cut, but the peak does not move.
        assert abs(lag(audio, heard)) <= (0 if device.phase == "zero" else 3)
    assert phases == {"minimum", "zero"}


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_any_length_is_kept(samples):
    device = PhoneDevice(200.0, 2, ((900.0, 1.0, 3.0),), 5000.0, 1, "minimum")
    assert device(noise(samples), RATE).shape == (samples,)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"phase": "linear"}, "phase is 'linear'"),
        ({"low_cut_hz": 0.0}, "low_cut_hz is 0"),
        ({"resonances": ((100.0, 0.0, 3.0),)}, "resonance is"),
        ({"resonances": ((100.0, 3.0),)}, "resonance is"),
    ],
)
def test_bad_values_are_named(values, message):
    good = {"low_cut_order": 1, "high_cut_hz": 0.0, "high_cut_order": 1}
    good |= {"low_cut_hz": 100.0, "resonances": (), "phase": "zero"}
    with pytest.raises(ValueError, match=message):
        PhoneDevice(**{**good, **values})
