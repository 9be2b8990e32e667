"""The paper's layers: inception modules (IV-D), sub- and superpixel layers (IV-E)."""

from tfaudiogan.layers.additive_skip import AdditiveSkip1D
from tfaudiogan.layers.epilogue import Epilogue1D
from tfaudiogan.layers.folded_conv import FoldedConv1D
from tfaudiogan.layers.frequency_bands import FrequencyBands1D, InterpolatedBands1D
from tfaudiogan.layers.inception import Inception1D
from tfaudiogan.layers.spectral_gain import BandStatistics1D, PowerSpectrum1D, SpectralGain1D
from tfaudiogan.layers.spectrum import InverseSpectrum1D, Spectrum1D
from tfaudiogan.layers.sub_pixel import SubPixel1D
from tfaudiogan.layers.super_pixel import SuperPixel1D

__all__ = [
    "AdditiveSkip1D",
    "BandStatistics1D",
    "Epilogue1D",
    "FoldedConv1D",
    "FrequencyBands1D",
    "Inception1D",
    "InterpolatedBands1D",
    "InverseSpectrum1D",
    "PowerSpectrum1D",
    "SpectralGain1D",
    "Spectrum1D",
    "SubPixel1D",
    "SuperPixel1D",
]
