"""Keras models with training steps of their own."""

from tfaudiogan.training.composite import CompositeModel
from tfaudiogan.training.wgan_gp import WGANGP

__all__ = ["WGANGP", "CompositeModel"]
