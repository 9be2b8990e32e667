"""Signals: files, windows, levels and spectra. Nothing here learns."""

from tfaudiogan.audio.windows import overlap_add, split_windows

__all__ = ["overlap_add", "split_windows"]
