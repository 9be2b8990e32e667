import keras
import numpy as np
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("only TensorFlow is fused", allow_module_level=True)

from scipy.stats import chisquare

from tfaudiogan.layers.cpu.random_bytes import random_bytes

SHAPE = (8, 16, 128, 16)


def draw(seed, count=1, shape=SHAPE):
    generator = keras.random.SeedGenerator(seed)
    return [random_bytes(np.zeros(shape, "f4"), generator).numpy() for _ in range(count)]


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_uniform(seed):
    (values,) = draw(seed)
    assert values.dtype == np.uint8
    assert chisquare(np.bincount(values.ravel(), minlength=256)).pvalue > 1e-4


def test_a_seed_repeats_its_bytes_and_draws_differ():
    first, second = draw(3, 2)
    np.testing.assert_array_equal(draw(3, 2), [first, second])
    assert abs((first == second).mean() - 1 / 256) < 0.002  # of 262,144 pairs, sd 0.0001


@pytest.mark.parametrize("step", [1, 4, 16, 128 * 16])
def test_neighboring_bytes_are_independent(step):
    (values,) = draw(5)
    values = values.reshape(len(values), -1).astype("f8")
    pairs = (values[:, :-step], values[:, step:]), (values[:-1], values[1:])
    for first, second in pairs:
        # sd of a correlation over some 250,000 pairs: 0.002
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.01


def test_every_bit_depends_on_the_seed():
    (first,), (second,) = draw(10), draw(11)
    flipped = np.unpackbits(first ^ second).reshape(-1, 8).mean(axis=0)
    np.testing.assert_allclose(flipped, 0.5, atol=0.01)  # sd 0.001
