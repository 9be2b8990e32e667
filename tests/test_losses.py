import keras
import numpy as np
import pytest

from tfaudiogan import losses
from tfaudiogan.config import LossWeights
from tfaudiogan.training.gradients import input_gradient

rng = np.random.default_rng(0)
TARGET = rng.normal(scale=0.1, size=(3, 4096, 1)).astype("float32")
GENERATED = rng.normal(scale=0.1, size=(3, 4096, 1)).astype("float32")


def power(x, n_fft=512, hop=128):
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    frames = [x[:, i : i + n_fft] * window for i in range(0, x.shape[1] - n_fft + 1, hop)]
    return np.abs(np.fft.rfft(np.stack(frames, 1))) ** 2 / np.square(window).sum()


def test_time_loss_is_equation_15():
    error = TARGET.astype("float64") - GENERATED
    expected = np.mean(np.sum(error[..., 0] ** 2, axis=1) / 4096)
    np.testing.assert_allclose(losses.time_loss(GENERATED, TARGET), expected, rtol=1e-5)


def test_frequency_loss_is_equation_16():
    difference = power(TARGET[..., 0].astype("float64")) - power(GENERATED[..., 0])
    expected = np.mean(np.mean(difference**2, axis=(1, 2)))
    np.testing.assert_allclose(losses.frequency_loss(GENERATED, TARGET), expected, rtol=1e-4)


def test_feature_loss_is_equation_17():
    a, b = rng.normal(size=(2, 3, 8, 5))
    expected = np.mean([np.linalg.norm(x - y) ** 2 / 40 for x, y in zip(a, b, strict=True)])
    np.testing.assert_allclose(losses.feature_loss(a, b), expected, rtol=1e-5)


def test_log_ratio_loss_is_minus_the_snr_and_ignores_the_level():
    t, g = TARGET[..., 0].astype("float64"), GENERATED[..., 0]
    snr = 10 * np.log10(np.sum(t**2, 1) / (np.sum((t - g) ** 2, 1) + 0.1 * np.sum(t**2, 1)))
    loss = float(losses.log_ratio_loss(GENERATED, TARGET))
    # The floor of 1e-8 is a millionth of the signals' power.
    np.testing.assert_allclose(loss, -snr.mean(), atol=1e-3)
    softer = float(losses.log_ratio_loss(GENERATED * 0.1, TARGET * 0.1))
    np.testing.assert_allclose(softer, loss, atol=1e-2)


@pytest.mark.parametrize(("error_db", "loss"), [(-60.0, -10.0), (-30.0, -9.957), (0.0, 0.414)])
def test_log_ratio_loss_levels_off_where_the_error_is_small(error_db, loss):
    generated = TARGET * np.float32(1.0 + 10 ** (error_db / 20))
    # 10 log10(e + 0.1), e the error's share of the target's power.
    np.testing.assert_allclose(losses.log_ratio_loss(generated, TARGET), loss, atol=1e-3)


def test_multi_resolution_loss_is_its_formula():
    t, g = TARGET[..., 0].astype("float64"), GENERATED[..., 0].astype("float64")
    expected = 0.0
    for size in (2048, 1024, 512, 256):
        st, sg = np.sqrt(power(t, size, size // 4)), np.sqrt(power(g, size, size // 4))
        convergence = [
            np.linalg.norm(a - b) / np.linalg.norm(a) for a, b in zip(st, sg, strict=True)
        ]
        expected += np.mean(convergence) + np.mean(np.abs(np.log(st) - np.log(sg)))
    # Floors of 1e-8 and 1e-6 beside a power of 1e-2.
    np.testing.assert_allclose(
        losses.multi_resolution_loss(GENERATED, TARGET), expected / 4, rtol=1e-3
    )


@pytest.mark.parametrize("name", losses.TERMS)
def test_each_term_vanishes_at_the_target_and_only_there(name):
    term = losses.TERMS[name]
    best, worse = float(term(TARGET, TARGET)), float(term(GENERATED, TARGET))
    assert best < worse
    if name != "log_ratio":
        assert best < 1e-3 * worse


@pytest.mark.parametrize("name", losses.TERMS)
@pytest.mark.parametrize(
    ("generated", "target"),
    [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)],
    ids=["both silent", "silence for sound", "sound for silence", "exact"],
)
def test_gradients_are_finite_at_silence(name, generated, target):
    gradient = input_gradient(
        lambda x: losses.TERMS[name](x, keras.ops.convert_to_tensor(target * TARGET)),
        keras.ops.convert_to_tensor(generated * TARGET),
    )
    assert np.isfinite(np.asarray(gradient)).all()


def test_every_weight_names_a_term():
    fields = set(vars(LossWeights()))
    assert fields == set(losses.TERMS) | {"feature", "adversarial"}


def test_adversarial_losses_are_the_papers_equations():
    real, fake = rng.normal(size=(2, 6, 1))
    d_real, d_fake = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))
    close = {"rtol": 1e-5, "atol": 1e-6}  # float32
    np.testing.assert_allclose(losses.wasserstein_generator_loss(fake), -fake.mean(), **close)
    np.testing.assert_allclose(
        losses.wasserstein_critic_loss(real, fake), -(real.mean() - fake.mean()), **close
    )
    np.testing.assert_allclose(
        losses.vanilla_discriminator_loss(real, fake),
        -(np.log(d_real) + np.log(1 - d_fake)).mean(),
        **close,
    )
    np.testing.assert_allclose(
        losses.saturating_generator_loss(fake), np.log(1 - d_fake).mean(), **close
    )
    np.testing.assert_allclose(
        losses.non_saturating_generator_loss(fake), -np.log(d_fake).mean(), **close
    )
