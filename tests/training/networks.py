"""Networks small enough for closed-form tests."""

import keras
import numpy as np

WINDOW = 512


def tiny_generator(dropout: float = 0.2):
    """Two convolutions with dropout between them."""
    return keras.Sequential(
        [
            keras.Input((WINDOW, 1)),
            keras.layers.Conv1D(2, 3, padding="same", activation="tanh"),
            keras.layers.Dropout(dropout, seed=1),
            keras.layers.Conv1D(1, 3, padding="same", activation="tanh"),
        ],
        name="generator",
    )


def tiny_discriminator(dropout: float = 0.2):
    return keras.Sequential(
        [
            keras.Input((WINDOW, 1)),
            keras.layers.Conv1D(2, 4, strides=4),
            keras.layers.LayerNormalization(axis=[1, 2]),
            keras.layers.Dropout(dropout, seed=2),
            keras.layers.LeakyReLU(0.2),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ],
        name="discriminator",
    )


def linear_discriminator(window: int):
    """Return a critic whose gradient is its kernel everywhere."""
    return keras.Sequential(
        [
            keras.Input((window, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(1, use_bias=False),
        ]
    )


def sounds(count: int, seed: int = 0, window: int = WINDOW) -> tuple[np.ndarray, np.ndarray]:
    """Return windows of noise, and softer and smoother targets."""
    x = np.random.default_rng(seed).normal(scale=0.1, size=(count, window, 1)).astype("float32")
    return x, 0.5 * (x + np.roll(x, 1, axis=1))


def values(model) -> list[np.ndarray]:
    return [np.array(weight) for weight in model.get_weights()]
