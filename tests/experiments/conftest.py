"""Configurations with which an experiment takes seconds."""

from tfaudiogan import config as configuration
from tfaudiogan.config import (
    AdversarialConfig,
    AutoencoderConfig,
    Config,
    DiscriminatorConfig,
    GeneratorConfig,
    LossWeights,
    OptimizerConfig,
    TrainingConfig,
)

TINY = Config(
    window=512,
    generator=GeneratorConfig(blocks=1, d_max=0, base_filters=8, reduction=4, dropout=0.0),
    discriminator=DiscriminatorConfig(blocks=1, base_filters=8, reduction=4, dense_units=4),
    autoencoder=AutoencoderConfig(blocks=1, base_filters=8),
    adversarial=AdversarialConfig(n_critic=1),
    training=TrainingConfig(epochs=1, steps_per_epoch=2, batch=4, seed=1, validation_windows=8),
)


def with_modern(monkeypatch) -> Config:
    """Replace the preset ``modern`` by one that does not change with the package."""
    modern = Config(
        preset="modern",
        weights=LossWeights(time=0.0, log_ratio=0.1, multi_resolution=0.1),
        optimizer=OptimizerConfig(schedule="cosine", warmup_steps=1, ema=0.5),
    )
    monkeypatch.setitem(configuration.PRESETS, "modern", modern)
    return modern
