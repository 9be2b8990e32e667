import json

import numpy as np
import pytest

from tests.audio.signals import noise
from tfaudiogan.audio.degradation import (
    CachedRoom,
    Chain,
    Room,
    cache_rooms,
    degradation_preset,
    with_room_bank,
)

RATE = 8000


def drawn_rooms(name, seed=0, size=3, draws=60):
    preset = with_room_bank(degradation_preset(name), seed, size)
    chains = [preset.draw(np.random.default_rng(i)) for i in range(draws)]
    return [stage for chain in chains for stage in chain.stages if isinstance(stage, Room)]


@pytest.mark.parametrize("name", ["light", "phone", "today"])
def test_a_bank_has_a_fixed_number_of_rooms(name):
    rooms = drawn_rooms(name)
    assert len(rooms) > 15
    assert len(set(rooms)) == 3
    assert set(drawn_rooms(name)) == set(rooms)
    assert not set(drawn_rooms(name, seed=1)) & set(rooms)


def test_a_mixture_has_a_bank_for_each_range():
    assert 6 < len(set(drawn_rooms("varied", draws=400))) <= 12


def test_settings_do_not_mention_the_bank():
    preset = with_room_bank(degradation_preset("light"), 0, 3)
    chains = [preset.draw(np.random.default_rng(i)) for i in range(20)]
    for chain in chains:
        assert Chain.from_settings(json.loads(json.dumps(chain.to_settings()))) == chain


def test_a_cached_room_gives_the_samples_of_the_room(tmp_path):
    pytest.importorskip("pyroomacoustics")
    room = Room.draw(np.random.default_rng(0), rt60_s=(0.15, 0.2), distance_m=(0.2, 0.8))
    audio = noise(3000)
    expected = Chain((room,))(audio, RATE)
    chain = cache_rooms(Chain((room,)), tmp_path)
    np.testing.assert_array_equal(chain(audio, RATE), expected)
    (path,) = tmp_path.iterdir()
    before = path.stat().st_mtime_ns
    np.testing.assert_array_equal(chain(audio, RATE), expected)
    assert path.stat().st_mtime_ns == before
    path.write_bytes(path.read_bytes()[:200])
    np.testing.assert_array_equal(chain(audio, RATE), expected)
    CachedRoom(room, tmp_path)(audio, 2 * RATE)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_any_length_is_kept(tmp_path, samples):
    pytest.importorskip("pyroomacoustics")
    room = Room((4.0, 3.0, 2.5), (2.0, 1.7, 1.2), (2.6, 2.2, 1.5), 0.15)
    assert CachedRoom(room, tmp_path)(noise(samples), RATE).shape == (samples,)
