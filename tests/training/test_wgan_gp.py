import keras
import numpy as np
import pytest

from tests.training.networks import (
    WINDOW,
    linear_discriminator,
    sounds,
    tiny_discriminator,
    tiny_generator,
    values,
)
from tfaudiogan.config import LossWeights
from tfaudiogan.models import build_autoencoder
from tfaudiogan.runs.callbacks import LossShares
from tfaudiogan.training import WGANGP


def make(generator=None, critic=None, rates=(1e-3, 1e-3), eager=False, **options) -> WGANGP:
    keras.utils.set_random_seed(0)
    options = {"n_critic": 2, "seed": 3, **options}
    model = WGANGP(generator or tiny_generator(), critic or tiny_discriminator(), **options)
    model.compile(*(keras.optimizers.Adam(rate) for rate in rates), run_eagerly=eager)
    return model


def fit(model, steps=3, batch=4):
    windows = batch * model.n_critic
    x, y = sounds(windows * steps)
    return model.fit(x, y, batch_size=windows, shuffle=False, verbose=0)


def same(before, after) -> list[bool]:
    return [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]


@pytest.mark.parametrize("n_critic", [1, 3])
def test_the_critic_moves_n_critic_times_per_generator_move(n_critic):
    model = make(n_critic=n_critic, eager=True)
    moves = []

    def spy(side, network, optimizer):
        apply = optimizer.apply

        def applied(gradients, variables):
            before = [np.array(v.value) for v in variables]
            apply(gradients, variables)
            assert not all(same(before, [np.array(v.value) for v in variables]))
            moves.append(side)

        optimizer.apply = applied

    spy("critic", model.discriminator, model.discriminator_optimizer)
    spy("generator", model.generator, model.optimizer)
    fit(model, steps=2)
    assert moves == (["critic"] * n_critic + ["generator"]) * 2


def test_each_optimizer_counts_its_own_iterations():
    model = make(n_critic=2)
    fit(model, steps=3)
    assert int(model.optimizer.iterations) == 3
    assert int(model.discriminator_optimizer.iterations) == 6


def test_the_shared_pass_gives_the_gradients_of_a_separate_pass():
    """The generator's update reuses its forward pass from before the critic's update."""
    x, y = (keras.ops.convert_to_tensor(side) for side in sounds(6))
    options = {"weights": LossWeights(time=1.0, adversarial=0.5), "n_critic": 1}
    shared, apart = (
        make(tiny_generator(0.0), tiny_discriminator(0.0), rates=(0.0, 0.0), eager=True, **options)
        for _ in range(2)
    )
    apart.set_weights(shared.get_weights())
    for model in (shared, apart):
        model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), run_eagerly=True)
    shared.train_on_batch(x, y)

    fixed = keras.ops.stop_gradient(apart.generator(x, training=True))
    apart.update(
        lambda: apart.discriminator_loss(fixed, y),
        apart.discriminator.trainable_variables,
        apart.discriminator_optimizer,
    )
    apart.update(
        lambda: apart.weighted_loss(apart.generator(x, training=True), y, training=True),
        apart.generator.trainable_variables,
        apart.optimizer,
    )
    for ours, theirs in zip(values(shared), values(apart), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("penalty_at", ["interpolates", "generated"])
@pytest.mark.parametrize("norm", [0.5, 1.0, 3.0])
def test_the_penalty_of_a_linear_critic_is_its_closed_form(norm, penalty_at):
    critic = linear_discriminator(WINDOW)
    kernel = np.random.default_rng(0).normal(size=(WINDOW, 1))
    critic.set_weights([norm * kernel / np.linalg.norm(kernel)])
    model = make(critic=critic, penalty_at=penalty_at, gradient_penalty=7.0, relative_penalty=False)
    generated, target = (keras.ops.convert_to_tensor(x) for x in sounds(5))
    scores = critic.predict(np.concatenate([target, generated]), verbose=0)
    expected = scores[5:].mean() - scores[:5].mean() + 7.0 * (norm - 1.0) ** 2
    np.testing.assert_allclose(model.discriminator_loss(generated, target), expected, atol=1e-5)
    np.testing.assert_allclose(
        model.discriminator_trackers["penalty"].result(), (norm - 1.0) ** 2, atol=1e-5
    )


def test_the_penalty_at_interpolates_is_taken_there():
    """A quadratic critic's gradient is its input, so the penalty shows where it is computed."""
    critic = keras.Sequential(
        [keras.Input((WINDOW, 1)), keras.layers.Lambda(lambda x: keras.ops.sum(x**2, 1) / 2)]
    )
    model = make(critic=critic, relative_penalty=False)
    generated, target = (keras.ops.convert_to_tensor(x) for x in sounds(4))
    mix = np.array([0.0, 0.3, 0.6, 1.0], "float32")[:, None, None]
    place = mix * np.asarray(target) + (1 - mix) * np.asarray(generated)
    expected = np.mean((np.linalg.norm(place[..., 0], axis=1) - 1.0) ** 2)
    model.discriminator_loss(generated, target, mix=keras.ops.convert_to_tensor(mix))
    np.testing.assert_allclose(
        model.discriminator_trackers["penalty"].result(), expected, rtol=1e-4
    )


def test_the_relative_penalty_ignores_the_level_if_the_critic_does():
    """A critic that measures the angle to a fixed waveform has the same penalty at two levels."""
    fixed = np.random.default_rng(1).normal(size=(1, WINDOW, 1)).astype("float32")

    def cosine(x):
        ops = keras.ops
        return 10.0 * ops.sum(x * fixed, axis=1) / ops.sqrt(ops.sum(x**2, axis=1))

    penalties = {}
    for relative in (True, False):
        model = make(
            critic=keras.Sequential([keras.Input((WINDOW, 1)), keras.layers.Lambda(cosine)]),
            relative_penalty=relative,
            gradient_penalty=1.0,
        )
        mix = keras.ops.full((4, 1, 1), 0.5)
        for level in (1.0, 0.1):
            sides = (keras.ops.convert_to_tensor(level * side) for side in sounds(4))
            model.reset_metrics()
            model.discriminator_loss(*sides, mix=mix)
            penalties[relative, level] = float(model.discriminator_trackers["penalty"].result())
    # a floor of -60 dBFS is added to windows some 20 dB above it at the lower level
    assert penalties[True, 1.0] == pytest.approx(penalties[True, 0.1], rel=5e-2)
    assert penalties[False, 0.1] > 50 * penalties[False, 1.0]


def test_weight_clipping_holds_and_replaces_the_penalty():
    model = make(weight_clip=0.01, rates=(1e-3, 0.1))
    history = fit(model)
    assert all(np.abs(v).max() <= 0.01 for v in values(model.discriminator))
    assert history.history["penalty"] == [0.0]


@pytest.mark.parametrize("frozen", ["generator", "discriminator"])
def test_a_frozen_side_stays_bit_identical(frozen):
    generator, critic = tiny_generator(), tiny_discriminator()
    {"generator": generator, "discriminator": critic}[frozen].trainable = False
    model = make(generator, critic)
    before = {name: values(getattr(model, name)) for name in ("generator", "discriminator")}
    fit(model)
    after = {name: values(getattr(model, name)) for name in before}
    assert all(same(before[frozen], after[frozen])[: 4 if frozen == "generator" else 6])
    other = ({"generator", "discriminator"} - {frozen}).pop()
    assert not all(same(before[other], after[other]))


def test_the_estimate_approaches_the_known_wasserstein_distance():
    """Two distributions that differ by a shift of 3 have a distance of 3."""
    rng = np.random.default_rng(0)
    identity = keras.Sequential([keras.Input((1, 1)), keras.layers.Activation("linear")])
    critic = keras.Sequential(
        [
            keras.Input((1, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(32),
            keras.layers.LeakyReLU(0.2),
            keras.layers.Dense(1),
        ]
    )
    keras.utils.set_random_seed(0)
    model = WGANGP(
        identity, critic, n_critic=5, gradient_penalty=10.0, relative_penalty=False, seed=0
    )
    model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(5e-3, beta_1=0.5), metrics=[])
    x = rng.normal(scale=0.3, size=(64 * 5 * 40, 1, 1)).astype("float32")
    y = (3.0 + rng.normal(scale=0.3, size=x.shape)).astype("float32")
    history = model.fit(x, y, batch_size=64 * 5, epochs=2, verbose=0)
    # The penalty of 10 lets the critic's slope exceed 1 by up to 3 / (2 * 10) at the optimum.
    assert 2.7 < history.history["discriminator_distance"][-1] < 3.6


@pytest.mark.slow
def test_the_critic_joins_at_the_coupling_step():
    def trained(steps, weight, coupling):
        weights = LossWeights(time=1.0, adversarial=weight)
        model = make(weights=weights, coupling_step=coupling)
        fit(model, steps=steps)
        return values(model.generator)

    def moved(*arguments):
        return np.concatenate([v.ravel() for v in trained(*arguments)[:4]])

    np.testing.assert_array_equal(moved(2, 100.0, 2), moved(2, 0.0, 0))
    assert np.abs(moved(3, 100.0, 2) - moved(3, 0.0, 0)).max() > 1e-5


def test_the_critics_term_has_no_share_before_the_coupling_step():
    weights = LossWeights(time=1.0, adversarial=1e-3)
    for coupling, joined in ((100, False), (0, True)):
        shares = LossShares()
        shares.set_model(make(weights=weights, coupling_step=coupling))
        logs = {"time": 0.5, "adversarial": -200.0}
        shares.on_epoch_end(0, logs)
        assert (logs["adversarial_share"] > 0) == joined
        assert logs["time_share"] + logs["adversarial_share"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    "objective", [pytest.param("saturating", marks=pytest.mark.slow), "non_saturating"]
)
def test_the_vanilla_gan_learns_to_tell_apart_without_a_penalty(objective):
    model = make(objective=objective, rates=(0.0, 1e-2))
    first = fit(model, steps=1).history
    fit(model, steps=30)
    last = fit(model, steps=1).history
    assert last["discriminator_loss"][0] < first["discriminator_loss"][0]
    assert last["penalty"] == [0.0]


@pytest.mark.slow
def test_all_terms_are_logged_raw_and_sum_to_the_loss():
    weights = LossWeights(
        time=1, frequency=10, feature=0.1, adversarial=1e-2, log_ratio=0.1, multi_resolution=0.2
    )
    autoencoder = build_autoencoder(WINDOW, blocks=1, base_filters=8, reduction=4)
    model = make(autoencoder=autoencoder, weights=weights)
    before = values(autoencoder)
    logs = {name: value[0] for name, value in fit(model, steps=1).history.items()}
    expected = sum(weight * logs[name] for name, weight in weights.active().items())
    np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)
    assert {"discriminator_loss", "discriminator_distance", "penalty", "snr", "lsd"} < set(logs)
    assert all(same(before, values(autoencoder)))


def test_evaluate_and_predict_are_those_of_keras():
    model = make()
    x, y = sounds(6)
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert set(logs) == {"loss", "time", "adversarial", "snr", "lsd"}
    generated = model.predict(x, verbose=0)
    np.testing.assert_allclose(generated, model.generator.predict(x, verbose=0), atol=1e-6)
    np.testing.assert_allclose(logs["time"], np.mean((generated - y) ** 2), rtol=1e-4)


def test_trains_in_half_precision_with_weights_in_single():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make(tiny_generator(0.0), tiny_discriminator(0.0), n_critic=1)
    finally:
        keras.config.set_dtype_policy(before)
    weights = values(model)
    history = fit(model, steps=2).history
    assert model.generator.layers[0].compute_dtype == "bfloat16"
    assert all(np.isfinite(value).all() for value in history.values())
    assert {weight.dtype for weight in values(model)} == {np.dtype("float32")}
    assert not all(same(weights, values(model)))


@pytest.mark.slow
def test_saving_keeps_both_optimizers(tmp_path):
    model = make(objective="non_saturating", n_critic=3, coupling_step=1)
    fit(model)
    model.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    for name in ("objective", "n_critic", "coupling_step", "seed", "weights_of_losses"):
        assert getattr(loaded, name) == getattr(model, name)
    for name in ("optimizer", "discriminator_optimizer"):
        ours, theirs = getattr(model, name).variables, getattr(loaded, name).variables
        assert all(same([np.array(v) for v in ours], [np.array(v) for v in theirs]))
    x, y = sounds(4)
    assert loaded.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0))
    fit(loaded)
    assert int(loaded.discriminator_optimizer.iterations) == 18


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"n_critic": 0}, ValueError, "n_critic is 0"),
        ({"n_critic": 2.0}, ValueError, "n_critic is 2.0"),
        ({"gradient_penalty": -1}, ValueError, "gradient_penalty is -1"),
        ({"penalty_at": "target"}, ValueError, "'target'"),
        ({"weight_clip": 0.0}, ValueError, "weight_clip is 0.0"),
        ({"objective": "hinge"}, ValueError, "'hinge'"),
        ({"weights": {"time": 1}}, TypeError, "LossWeights"),
        ({"weights": LossWeights(feature=1.0)}, ValueError, "autoencoder"),
    ],
)
def test_bad_arguments_are_named(options, error, words):
    with pytest.raises(error, match=words):
        WGANGP(tiny_generator(), tiny_discriminator(), **options)


def test_a_batch_not_divisible_by_n_critic_is_refused():
    model = make(n_critic=3)
    x, y = sounds(8)
    with pytest.raises(ValueError, match="multiple of n_critic"):
        model.fit(x, y, batch_size=8, verbose=0)
