import json

import numpy as np
import pytest

from tests.audio.signals import lag, noise
from tfaudiogan.audio.degradation import (
    DEGRADATION_PRESETS,
    STAGES,
    BackgroundNoise,
    Chain,
    Clipping,
    Codec,
    degradation_preset,
)
from tfaudiogan.audio.draws import named_generator
from tfaudiogan.errors import InputError

RATE = 16000


@pytest.mark.parametrize("preset", DEGRADATION_PRESETS)
def test_whole_chains_are_aligned_to_the_sample(preset):
    pytest.importorskip("pyroomacoustics")
    audio = noise(RATE)
    for seed in range(6):
        chain = DEGRADATION_PRESETS[preset].draw(named_generator(seed, "track"))
        heard = chain(audio, RATE)
        assert heard.shape == audio.shape
        assert heard.dtype == np.float32
        # A minimum-phase device shifts low frequencies, by a few samples at most.
        assert abs(lag(audio, heard)) <= (3 if preset == "today" else 0), chain


@pytest.mark.parametrize("preset", DEGRADATION_PRESETS)
def test_settings_come_back_through_json(preset):
    stages = set()
    for seed in range(40):
        chain = DEGRADATION_PRESETS[preset].draw(np.random.default_rng(seed))
        assert Chain.from_settings(json.loads(json.dumps(chain.to_settings()))) == chain
        stages |= {settings["stage"] for settings in chain.to_settings()}
    recorded = {"recorded_room", "recorded_noise", "recorded_microphone"}
    today = {"phone_device", "hiss", "loudness"}
    assert stages == set(STAGES) - recorded - (
        {"thermal_noise", "resampling"} if preset == "today" else today
    )


def test_settings_keep_the_spelling_of_existing_manifests():
    noise = {"stage": "noise", "snr_db": 20.0, "colour": "pink", "seed": 7}
    chain = Chain((BackgroundNoise(20.0, "pink", 7),))
    assert chain.to_settings() == [noise]
    assert Chain.from_settings([noise]) == chain


def test_settings_give_the_same_samples():
    pytest.importorskip("pyroomacoustics")
    audio = noise(RATE)
    chain = DEGRADATION_PRESETS["old-phone"].draw(np.random.default_rng(1))
    assert len(chain.stages) > 4
    again = Chain.from_settings(json.loads(json.dumps(chain.to_settings())))
    np.testing.assert_array_equal(again(audio, RATE), chain(audio, RATE))


@pytest.mark.parametrize("preset", DEGRADATION_PRESETS)
def test_stages_come_in_physical_order(preset):
    order = list(STAGES)
    for seed in range(20):
        chain = DEGRADATION_PRESETS[preset].draw(np.random.default_rng(seed))
        places = [order.index(settings["stage"]) for settings in chain.to_settings()]
        assert places == sorted(places)


@pytest.mark.parametrize("preset", DEGRADATION_PRESETS)
def test_about_a_fifth_is_left_clean(preset):
    clean = [
        not DEGRADATION_PRESETS[preset].draw(np.random.default_rng(s)).stages for s in range(400)
    ]
    # Binomial with mean 80 and deviation 8; five deviations.
    assert 40 < sum(clean) < 120


def test_a_gain_commutes_with_the_chain():
    audio = noise(RATE)
    chain = Chain((BackgroundNoise(20.0, "pink", 0), Clipping("hard", 6.0), Codec("opus", 0.9)))
    np.testing.assert_allclose(chain(0.25 * audio, RATE), 0.25 * chain(audio, RATE), atol=1e-5)


def test_the_empty_chain_returns_a_copy():
    audio = noise(100)
    heard = Chain()(audio, RATE)
    np.testing.assert_array_equal(heard, audio)
    assert not np.shares_memory(heard, audio)


@pytest.mark.parametrize("audio", [np.zeros(0, np.float32), np.zeros(3000, np.float32)])
def test_silent_and_empty_audio_are_unchanged(audio):
    chain = Chain((BackgroundNoise(20.0, "pink", 0), Clipping("hard", 6.0), Codec("mp3", 0.5)))
    np.testing.assert_array_equal(chain(audio, RATE), audio)


def test_an_unknown_preset_is_named():
    with pytest.raises(InputError, match=r"'fax'.*light, phone, old-phone, today, varied"):
        degradation_preset("fax")
