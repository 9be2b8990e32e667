"""Turn one sound into another, on raw waveforms.

``import tfaudiogan`` starts no TensorFlow: the public names below are imported on first use.
"""

from importlib import import_module
from typing import Any

from tfaudiogan._version import __version__

_HOME = {
    "enhance": "tfaudiogan.inference.enhance",
    "load_model": "tfaudiogan.inference.enhance",
    "Config": "tfaudiogan.config",
    "LossWeights": "tfaudiogan.config",
    "SubPixel1D": "tfaudiogan.layers",
    "SuperPixel1D": "tfaudiogan.layers",
    "Inception1D": "tfaudiogan.layers",
    "build_generator": "tfaudiogan.models",
    "build_spectral_generator": "tfaudiogan.models",
    "build_discriminator": "tfaudiogan.models",
    "build_autoencoder": "tfaudiogan.models",
    "WGANGP": "tfaudiogan.training",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'tfaudiogan' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
