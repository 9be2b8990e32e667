"""Builds models and optimizers from a configuration."""

import math
from collections.abc import Sequence

import keras
import numpy as np

from tfaudiogan.config import Config
from tfaudiogan.errors import InputError
from tfaudiogan.models import (
    build_autoencoder,
    build_discriminator,
    build_generator,
    build_spectral_generator,
)
from tfaudiogan.training.composite import CompositeModel
from tfaudiogan.training.optimizer import AveragingAdam
from tfaudiogan.training.precision import computing_in, resolve
from tfaudiogan.training.wgan_gp import WGANGP


def learning_rate(config: Config, initial: float, steps: int, updates: int = 1):
    """Return the learning rate, or its schedule, for a run of ``steps`` training steps.

    Args:
        config: Configuration of the run.
        initial: Learning rate at the start.
        steps: Training steps in the whole run.
        updates: Updates that the optimizer makes in each of them, which the schedule counts.
    """
    options = config.optimizer
    schedules = keras.optimizers.schedules
    if options.schedule == "constant":
        return initial
    if options.schedule == "step":
        return schedules.ExponentialDecay(
            initial,
            decay_steps=options.decay_epochs * config.training.steps_per_epoch * updates,
            decay_rate=options.decay_factor,
            staircase=True,
        )
    warmup = min(options.warmup_steps, steps // 2) * updates
    if not warmup:
        return schedules.CosineDecay(initial, steps * updates)
    return schedules.CosineDecay(
        initial / warmup, steps * updates - warmup, warmup_target=initial, warmup_steps=warmup
    )


def build_optimizer(
    config: Config, initial: float, steps: int, *, updates: int = 1, ema: float = 0.0
) -> AveragingAdam:
    """Build Adam with the schedule of ``learning_rate``.

    ``ema`` is the momentum of a moving average of the weights; 0 turns it off.
    """
    return AveragingAdam(
        learning_rate(config, initial, steps, updates),
        global_clipnorm=config.optimizer.clip_norm or None,
        use_ema=bool(ema),
        ema_momentum=ema or 0.99,
    )


SHARED = ("blocks", "d_max", "base_filters", "reduction", "dropout")
"""Fields of the generator's configuration that both kinds of generator share."""


def generator_from_config(config: Config) -> keras.Model:
    """Build the generator of a configuration; it maps ``(batch, window, 1)`` to the same shape.

    Raises:
        InputError: If its sizes do not fit together.
    """
    options = config.generator
    shared = {name: getattr(options, name) for name in SHARED}
    shared["subpixel"] = options.subpixel or "blocked"
    try:
        if options.kind == "spectral":
            return build_spectral_generator(
                config.window,
                options.n_fft,
                options.bands,
                context=options.context,
                replication=options.replication,
                fine_n_fft=options.fine_n_fft,
                **shared,
            )
        return build_generator(config.window, additive_skip=options.additive_skip, **shared)
    except ValueError as error:
        raise InputError(f"configuration: {error}") from error


def _discriminator(config: Config):
    return build_discriminator(config.window, **vars(config.discriminator))


def check_networks(
    config: Config, start: Sequence[np.ndarray] | None = None, message: str = ""
) -> None:
    """Check that the networks of a run can be built, before an autoencoder is trained for it.

    Args:
        config: Configuration of the run.
        start: Initial weights of the generator.
        message: Beginning of the error message if ``start`` does not fit the generator.

    Raises:
        InputError: If a network cannot be built, or ``start`` does not fit the generator.
    """
    try:
        shapes = [weight.shape for weight in generator_from_config(config).get_weights()]
        if config.weights.adversarial:
            _discriminator(config)
        if config.weights.feature:
            build_autoencoder(config.window, **vars(config.autoencoder))
    except ValueError as error:
        raise InputError(f"configuration: {error}") from error
    if start is not None and [weight.shape for weight in start] != shapes:
        raise InputError(
            f"{message}: it has {sum(weight.size for weight in start)} weights in {len(start)} "
            f"arrays, this configuration's generator {sum(map(math.prod, shapes))} in "
            f"{len(shapes)}; give the configuration that it was trained with"
        )


def build_model(config: Config, steps: int, autoencoder=None) -> CompositeModel:
    """Build and compile a configuration's model: ``WGANGP`` if its adversarial weight is not 0.

    Otherwise the model is a ``CompositeModel``.

    Args:
        config: Configuration of the run.
        steps: Generator updates in the whole run, over which the learning rates are scheduled.
        autoencoder: Trained autoencoder of the feature loss.

    Raises:
        InputError: If the sizes of a network do not fit together.
    """
    try:
        with computing_in(resolve(config).training.precision):
            generator = generator_from_config(config)
            if config.weights.adversarial:
                model = WGANGP(
                    generator,
                    _discriminator(config),
                    autoencoder,
                    config.weights,
                    seed=config.training.seed,
                    **vars(config.adversarial),
                )
            else:
                model = CompositeModel(generator, autoencoder, config.weights)
    except ValueError as error:
        raise InputError(f"configuration: {error}") from error
    options = config.optimizer
    optimizer = build_optimizer(config, options.learning_rate, steps, ema=options.ema)
    if isinstance(model, WGANGP):
        discriminator_optimizer = build_optimizer(
            config,
            options.discriminator_learning_rate,
            steps,
            updates=config.adversarial.n_critic,
        )
        model.compile(optimizer, discriminator_optimizer)
    else:
        model.compile(optimizer)
    return model


def windows_per_step(config: Config, model) -> int:
    """Return the number of windows that one training step takes."""
    updates = model.n_critic if isinstance(model, WGANGP) else 1
    return config.training.batch * updates
