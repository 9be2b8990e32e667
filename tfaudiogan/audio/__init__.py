"""Signal processing without learning: files, windows, levels, spectra, filters and alignment."""

from tfaudiogan.audio.windows import overlap_add, split_windows

__all__ = ["overlap_add", "split_windows"]
