"""Two clouds of points: their picture in the plane, and one number for how separable they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

NEIGHBORS = 15
FOLDS = 5
PERPLEXITY = 30.0


@dataclass(frozen=True)
class Separation:
    """How far apart input and target sounds lie in one autoencoder's bottleneck.

    Attributes:
        name, label: of the autoencoder.
        scores: the separability of every channel.
        points: of each channel shown, by its number: both clouds, ``(2, pairs, 2)``.
        reconstruction_db: mean SNR of what the autoencoder makes of the same windows; below some
            decibels its channels say little.
    """

    name: str
    label: str
    scores: tuple[float, ...]
    points: Mapping[int, np.ndarray] = field(repr=False)
    reconstruction_db: float

    @property
    def mean(self) -> float:
        """Return the mean separability over all channels."""
        return float(np.mean(self.scores))

    def to_dict(self) -> dict[str, Any]:
        """Return values for JSON, without the points."""
        return {
            "name": self.name,
            "label": self.label,
            "reconstruction_snr_db": self.reconstruction_db,
            "mean": self.mean,
            "shown": {str(channel): self.scores[channel] for channel in self.points},
            "channels": list(self.scores),
        }


def separability(inputs: np.ndarray, targets: np.ndarray) -> float:
    """Return the chance that a point's neighbors tell which of two clouds it belongs to.

    Balanced accuracy of a classifier by majority of the 15 nearest neighbors (Euclidean
    distance over all values of the channel), in 5-fold cross-validation in which the two windows
    of a pair share a fold: 0.5 is inseparable, 1 is separate.

    Args:
        inputs: ``(pairs, values)``.
        targets: ``(pairs, values)``, in the same order.
    """
    from sklearn.model_selection import PredefinedSplit, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    pairs = len(inputs)
    points = np.concatenate([inputs, targets]).astype(np.float64)
    is_target = np.repeat([False, True], pairs)
    fold = np.tile(np.arange(pairs) * FOLDS // pairs, 2)
    others = len(points) - np.bincount(fold).max()
    neighbors = min(NEIGHBORS, (others - 1) // 2 * 2 + 1)
    classifier = KNeighborsClassifier(neighbors, algorithm="brute")
    predicted = cross_val_predict(classifier, points, is_target, cv=PredefinedSplit(fold))
    return float(np.mean(predicted == is_target))


def embed(inputs: np.ndarray, targets: np.ndarray, seed: int) -> np.ndarray:
    """Embed both clouds in one plane by t-SNE (van der Maaten and Hinton 2008), ``(2, pairs, 2)``.

    Args:
        inputs, targets: ``(pairs, values)``.
        seed: of its random start.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    points = np.concatenate([inputs, targets])
    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="random", random_state=seed)
    # One thread: the order of sums stays the same, and threads that wait for a busy machine don't.
    with threadpool_limits(1, user_api="openmp"):
        return tsne.fit_transform(points).reshape(2, len(inputs), 2)
