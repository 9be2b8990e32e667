"""Data sets of windows from a corpus, for training and evaluation."""

from typing import TYPE_CHECKING

from tfaudiogan.crops.batches import grid, training

if TYPE_CHECKING:
    from tfaudiogan.crops.batches import Batches

__all__ = ["Batches", "grid", "training"]
