"""A small spectral generator: 16 frames of 65 bins, 16 filters."""

from dataclasses import replace

from tests.runs.tiny import TINY
from tfaudiogan.config import GeneratorConfig, LossWeights, OptimizerConfig

WINDOW = 15 * 64

SPECTRAL = replace(
    TINY,
    window=WINDOW,
    generator=GeneratorConfig(
        kind="spectral",
        n_fft=128,
        bands=32,
        blocks=2,
        d_max=1,
        base_filters=16,
        reduction=4,
        context=8,
        dropout=0.0,
    ),
    weights=LossWeights(time=0.0, log_ratio=0.1),
    optimizer=OptimizerConfig(1e-2, schedule="constant", ema=0.5, clip_norm=1.0),
)
