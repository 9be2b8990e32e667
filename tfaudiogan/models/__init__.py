"""The paper's three networks as functional models (sections IV-F to IV-H)."""

from tfaudiogan.models.autoencoder import Autoencoder, build_autoencoder
from tfaudiogan.models.discriminator import build_discriminator
from tfaudiogan.models.generator import build_generator

__all__ = ["Autoencoder", "build_autoencoder", "build_discriminator", "build_generator"]
