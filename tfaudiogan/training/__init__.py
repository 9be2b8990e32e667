"""How the networks learn."""

from tfaudiogan.training.composite import CompositeModel
from tfaudiogan.training.wgan_gp import WGANGP

__all__ = ["WGANGP", "CompositeModel"]
