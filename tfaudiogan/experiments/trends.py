"""Whether a training was still getting better when it ended."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tfaudiogan.reporting.tables import signed

PER_UPDATES = 1000
_LEAST_EPOCHS = 3
_LEVEL = 2.0


@dataclass(frozen=True)
class Trend:
    """Fit a straight line to the last third of a log.

    Attributes:
        slope: its rise per ``PER_UPDATES`` generator updates, by least squares.
        error: standard error of the slope.
        epochs: validations that the line goes through.
    """

    slope: float
    error: float
    epochs: int

    @classmethod
    def of(cls, history: Mapping[str, np.ndarray], name: str) -> "Trend | None":
        """Return the trend of one log of a history, or ``None`` if it has fewer than three
        values.

        Values after two thirds of all updates count, but three of them at least.
        """
        if name not in history:
            return None
        known = np.isfinite(history[name])
        steps, values = history["step"][known], history[name][known]
        if len(steps) < _LEAST_EPOCHS:
            return None
        last = 3 * steps > 2 * steps[-1]
        last[-_LEAST_EPOCHS:] = True
        steps, values = steps[last] / PER_UPDATES, values[last]
        away = steps - steps.mean()
        slope = float(away @ values / (away @ away))
        left = values - values.mean() - slope * away
        error = float(np.sqrt(left @ left / (len(steps) - 2) / (away @ away)))
        return cls(slope, error, len(steps))

    @property
    def verdict(self) -> str:
        """Return ``"rising"``, ``"falling"``, or ``"level"`` within two standard errors."""
        if not abs(self.slope) > _LEVEL * self.error:
            return "level"
        return "rising" if self.slope > 0 else "falling"

    def __str__(self) -> str:
        """Return text such as ``"0.12 ± 0.03"``."""
        return f"{signed(self.slope)} ± {self.error:.2f}"


def describe_trends(trends: Mapping[str, Trend | None]) -> str:
    """Return sentences that say which rows, by label, would gain from more updates."""
    sentences = []
    for verdict, meaning in (
        ("rising", "still rising, so that more updates would help"),
        ("level", "level within two standard errors"),
        ("falling", "falling"),
    ):
        rows = [
            f"{label} {trend}"
            for label, trend in trends.items()
            if trend is not None and trend.verdict == verdict
        ]
        if rows:
            sentences.append(f"These were {meaning}: {'; '.join(rows)}.")
    unknown = [label for label, trend in trends.items() if trend is None]
    if unknown:
        sentences.append(f"These have too few validations to tell: {'; '.join(unknown)}.")
    return " ".join(sentences)
