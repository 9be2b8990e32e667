"""Crops as ``keras.utils.PyDataset``, for backends other than TensorFlow."""

import keras
import numpy as np

from tfaudiogan.crops.starts import Starts, splitmix64, spread
from tfaudiogan.crops.tracks import Tracks


class TrainingCrops(keras.utils.PyDataset):
    """Endless batches of consecutive random crops, which begin ``step`` crops apart.

    Leave ``workers`` at 1: ``fit`` reads a batch before training begins, which the queue of several
    workers would lose.
    """

    def __init__(
        self,
        tracks: Tracks,
        starts: Starts,
        window: int,
        batch: int,
        seed: int,
        first: int,
        step: int,
    ) -> None:
        super().__init__()
        self.tracks = tracks
        self.starts = starts
        self.window = window
        self.batch = batch
        self.seed = seed
        self.first = first
        self.step = step

    @property
    def num_batches(self) -> None:
        """``None``, since the data set is endless."""
        return None

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        crops = self.first + self.step * index + np.arange(self.batch)
        random = splitmix64(self.seed, crops.astype(np.uint64))
        numbers = (random % np.uint64(len(self.starts))).astype(np.int64)
        return _read(self.tracks, self.starts, numbers, self.window)


class GridCrops(keras.utils.PyDataset):
    """Batches of ``count`` windows spread evenly over ``starts``; the last batch may be smaller."""

    def __init__(self, tracks: Tracks, starts: Starts, window: int, batch: int, count: int) -> None:
        super().__init__()
        self.tracks = tracks
        self.starts = starts
        self.window = window
        self.batch = batch
        self.count = count

    def __len__(self) -> int:
        return -(-self.count // self.batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if not 0 <= index < len(self):
            raise IndexError(f"batch index is {index}; expected 0 to {len(self) - 1}")
        windows = np.arange(index * self.batch, min((index + 1) * self.batch, self.count))
        numbers = spread(windows, self.count, len(self.starts))
        return _read(self.tracks, self.starts, numbers, self.window)


def _read(
    tracks: Tracks, starts: Starts, numbers: np.ndarray, window: int
) -> tuple[np.ndarray, np.ndarray]:
    crops = np.empty((2, len(numbers), window, 1), np.float32)
    for row, (track, start) in enumerate(zip(*starts.locate(numbers), strict=True)):
        crops[:, row, :, 0] = tracks.read(track, start, window)
    inputs, targets = crops
    return inputs, targets


training = TrainingCrops
grid = GridCrops
