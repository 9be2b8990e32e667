"""The paper's layers (sections IV-D and IV-E) and the layers of the spectral generator."""

from tfaudiogan.layers.abstention import Abstention1D
from tfaudiogan.layers.additive_skip import AdditiveSkip1D
from tfaudiogan.layers.band_replication import BandReplication1D
from tfaudiogan.layers.band_statistics import BandStatistics1D
from tfaudiogan.layers.epilogue import Epilogue1D
from tfaudiogan.layers.folded_conv import FoldedConv1D
from tfaudiogan.layers.frequency_bands import FrequencyBands1D
from tfaudiogan.layers.inception import Inception1D
from tfaudiogan.layers.interpolated_bands import InterpolatedBands1D
from tfaudiogan.layers.inverse_spectrum import InverseSpectrum1D
from tfaudiogan.layers.power_spectrum import PowerSpectrum1D
from tfaudiogan.layers.spectral_gain import SpectralGain1D
from tfaudiogan.layers.spectrum import Spectrum1D
from tfaudiogan.layers.sub_pixel import SubPixel1D
from tfaudiogan.layers.super_pixel import SuperPixel1D
from tfaudiogan.layers.third_octave_curve import ThirdOctaveCurve1D
from tfaudiogan.layers.third_octave_samples import ThirdOctaveSamples1D
from tfaudiogan.layers.third_octave_statistics import ThirdOctaveStatistics1D

__all__ = [
    "Abstention1D",
    "AdditiveSkip1D",
    "BandReplication1D",
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
    "ThirdOctaveCurve1D",
    "ThirdOctaveSamples1D",
    "ThirdOctaveStatistics1D",
]
