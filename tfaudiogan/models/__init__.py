"""Builders of the paper's three networks (sections IV-F to IV-H) and the spectral generator."""

from tfaudiogan.models.autoencoder import Autoencoder, build_autoencoder
from tfaudiogan.models.blocks import subpixel_order
from tfaudiogan.models.discriminator import build_discriminator
from tfaudiogan.models.generator import build_generator
from tfaudiogan.models.spectral_generator import (
    LINKED_CHANNELS,
    build_spectral_generator,
    hop_of,
    is_spectral,
    with_abstention,
    with_channels,
)

__all__ = [
    "LINKED_CHANNELS",
    "Autoencoder",
    "build_autoencoder",
    "build_discriminator",
    "build_generator",
    "build_spectral_generator",
    "hop_of",
    "is_spectral",
    "subpixel_order",
    "with_abstention",
    "with_channels",
]
