import gc
import tracemalloc

import numpy as np
import pytest

from tfaudiogan.audio import overlap_add, split_windows
from tfaudiogan.errors import InputError
from tfaudiogan.inference.load import WindowModel
from tfaudiogan.inference.metadata import ModelMetadata
from tfaudiogan.inference.streaming import StreamingEnhancer, through

WINDOW = 64


def stateful_over_a_window(windows):
    """A nonlinear model whose outputs depend on all earlier samples of their window."""
    return np.tanh(np.cumsum(windows, axis=1, dtype=np.float32))


def model(function=stateful_over_a_window, hop=WINDOW // 2):
    return WindowModel(function, ModelMetadata(8000, WINDOW, hop=hop))


def stream(enhancer, audio, rng, largest):
    cuts, position = [], 0
    while position < len(audio):
        cuts.append(audio[position : position + int(rng.integers(0, largest))])
        position += len(cuts[-1])
    return np.concatenate(list(through(enhancer, cuts)))


@pytest.mark.parametrize("largest", [2, 50, 5000])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("samples", "hop"),
    [(n, 32) for n in (0, 1, 31, 32, 33, 63, 64, 65, 96, 1000, 2047)]
    + [(n, 56) for n in (0, 1, 8, 48, 49, 56, 64, 1000)]
    + [(500, 63)],
)
def test_equal_to_offline_for_any_blocks(samples, hop, channels, largest):
    rng = np.random.default_rng(samples)
    audio = rng.uniform(-1, 1, (samples, channels)).astype(np.float32)
    enhancer = StreamingEnhancer(model(hop=hop), channels)
    for _ in range(2):  # flush makes it ready for another stream
        output = stream(enhancer, audio, rng, largest)
        assert output.shape == audio.shape
        for channel in range(channels):
            windows = split_windows(audio[:, channel], WINDOW, hop)
            changed = stateful_over_a_window(windows)
            expected = audio[:, channel] + overlap_add(changed - windows, samples, hop)
            np.testing.assert_array_equal(output[:, channel], expected)
            # Adding the changes to the input rounds differently than adding up the outputs.
            np.testing.assert_allclose(expected, overlap_add(changed, samples, hop), atol=1e-6)


@pytest.mark.parametrize("hop", [32, 56])
@pytest.mark.parametrize("gain", [0.003, 1.0, 7.0])
def test_windows_that_the_model_leaves_as_they_are_stay_so_to_the_last_bit(hop, gain):
    audio = np.random.default_rng(0).uniform(-1, 1, (1000, 2)).astype(np.float32)
    enhancer = StreamingEnhancer(model(lambda windows: windows, hop), 2, gain)
    output = np.concatenate([enhancer.feed(audio), enhancer.flush()])
    np.testing.assert_array_equal(output, audio)


def test_a_function_may_work_in_place():
    def halve(windows):
        windows *= 0.5
        return windows

    audio = np.random.default_rng(0).uniform(-1, 1, (1000, 2)).astype(np.float32)
    enhancer = StreamingEnhancer(model(halve), 2)
    output = np.concatenate([enhancer.feed(audio), enhancer.flush()])
    np.testing.assert_allclose(output, audio / 2, atol=1e-6)


@pytest.mark.parametrize("hop", [32, 56])
def test_the_model_sees_as_many_windows_as_offline(hop):
    seen = []

    def count(windows):
        seen.append(len(windows))
        return windows

    for samples in range(1, 200):
        seen.clear()
        enhancer = StreamingEnhancer(model(count, hop))
        enhancer.feed(np.zeros(samples))
        enhancer.flush()
        assert sum(seen) == len(split_windows(np.zeros(samples), WINDOW, hop))


@pytest.mark.parametrize("hop", [32, 40, 63])
def test_latency_is_one_window_and_no_less(hop):
    enhancer = StreamingEnhancer(model(hop=hop))
    assert enhancer.latency == WINDOW
    given, held = 0, []
    for fed in range(1, 400):
        given += len(enhancer.feed(np.zeros(1)))
        held.append(fed - given)
    assert max(held) == WINDOW - 1


def test_gain_is_applied_and_undone():
    audio = np.random.default_rng(0).uniform(-1, 1, 500).astype(np.float32)
    enhancer = StreamingEnhancer(model(), gain=0.25)
    output = np.concatenate([enhancer.feed(audio), enhancer.flush()[:, 0]])
    expected = overlap_add(stateful_over_a_window(split_windows(audio * 0.25, WINDOW)), 500) * 4
    np.testing.assert_allclose(output, expected, atol=1e-6)  # a power of two: exact but for tanh


def test_channels_do_not_mix():
    audio = np.zeros((500, 2), np.float32)
    audio[:, 1] = np.random.default_rng(0).uniform(-1, 1, 500)
    output = np.concatenate(list(through(StreamingEnhancer(model(), 2), [audio])))
    assert not output[:, 0].any()
    assert output[:, 1].any()


def test_memory_of_the_state_does_not_grow():
    def size():
        for traced in (False, True):  # Imports and fades are made in the first round.
            if traced:
                tracemalloc.start()
            for _ in range(50):
                enhancer.feed(np.zeros(999))
            gc.collect()
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size

    enhancer = StreamingEnhancer(model())
    # Of the 400 kB that pass through, little stays.
    assert size() < 10_000
    assert sum(a.nbytes for a in vars(enhancer).values() if isinstance(a, np.ndarray)) < 10_000


def test_a_model_that_gives_nan():
    enhancer = StreamingEnhancer(model(lambda windows: windows * np.nan))
    with pytest.raises(InputError, match="the model returned NaN"):
        enhancer.feed(np.ones(200))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": 0}, "channels is 0"),
        ({"gain": 0.0}, "gain is 0.0"),
        ({"gain": -1.0}, "gain is -1.0"),
        ({"gain": float("inf")}, "gain is inf"),
        ({"gain": float("nan")}, "gain is nan"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        StreamingEnhancer(model(), **arguments)


@pytest.mark.parametrize("shape", [(10,), (10, 1), (10, 3), (1, 10, 2)])
def test_block_of_other_channels(shape):
    with pytest.raises(ValueError, match=r"expected \(samples, 2\)"):
        StreamingEnhancer(model(), 2).feed(np.zeros(shape))


def turn_down_the_louder(windows):
    """Apply one gain to all channels of a window, as a model that links channels does."""
    return windows / (1 + np.abs(windows).max(axis=(1, 2), keepdims=True))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_linked_channels_get_the_same_gains(channels):
    rng = np.random.default_rng(0)
    audio = rng.uniform(-1, 1, (1000, 1)) * np.array([1.0, 0.1, 0.5, 0.01])[:channels]
    audio = audio.astype(np.float32)
    linked = WindowModel(turn_down_the_louder, ModelMetadata(8000, WINDOW, channels=2))
    output = stream(StreamingEnhancer(linked, channels), audio, rng, 300)
    ratio = output / np.where(audio == 0, 1, audio)
    for first in range(0, channels, 2):
        pair = ratio[:, first : first + 2]
        np.testing.assert_allclose(pair, np.broadcast_to(pair[:, :1], pair.shape), rtol=1e-5)
    if channels > 2:
        assert np.abs(ratio[:, 0] - ratio[:, 2]).max() > 0.01


def test_fewer_long_windows_run_at_once():
    long = WindowModel(lambda windows: windows, ModelMetadata(44100, 261_120, channels=2))
    assert long.batch_size == 2
    assert model().batch_size == 16
