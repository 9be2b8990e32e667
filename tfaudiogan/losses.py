"""The terms of the training losses (sections IV-A and IV-I), pure functions on ``keras.ops``.

Signals are ``(batch, window, 1)``; every term is the mean over the batch of a single sample's
loss, a float32 scalar with finite gradients everywhere, silence included. To add a term, write
the function, name it in ``TERMS`` and give its weight a field in ``config.LossWeights``.
"""

import math

from keras import ops

from tfaudiogan.audio.spectra import power_spectrogram

SILENCE_POWER = 1e-8
"""Mean power (-80 dBFS) below which a target counts as silent in level-independent terms."""

GATE_POWER = 1e-6
"""Mean power (-60 dBFS) that bounds how much a nearly silent target can weigh."""

ERROR_THRESHOLD = 0.1
"""Share of the target's power (-10 dB) below which an error counts less and less."""

_DECIBELS = 10.0 / math.log(10.0)

RESOLUTIONS = (2048, 1024, 512, 256)
"""FFT sizes, in samples, of the multi-resolution loss and distance; hops are a quarter."""


def resolutions_of(samples: int) -> list[int]:
    """Those of ``RESOLUTIONS`` that fit into so many samples.

    Raises:
        ValueError: when none does.
    """
    sizes = [size for size in RESOLUTIONS if size <= samples]
    if not sizes:
        raise ValueError(
            f"the window has {samples} samples; several resolutions need {RESOLUTIONS[-1]} or more"
        )
    return sizes


def _signal(x):
    return ops.cast(ops.squeeze(x, axis=-1), "float32")


def time_loss(generated, target):
    """Equation 15: mean squared error of the waveform."""
    return ops.mean(ops.square(_signal(target) - _signal(generated)))


def frequency_loss(generated, target, n_fft: int = 512, hop: int = 128):
    """Equation 16: mean squared error of the power spectrogram.

    The spectrogram is normalised by its window's energy (``audio.spectra``), which brings the
    term to the order of the time loss at the paper's weight of 10, as section V-B intends.
    """
    difference = power_spectrogram(_signal(target), n_fft, hop) - power_spectrogram(
        _signal(generated), n_fft, hop
    )
    return ops.mean(ops.square(difference))


def feature_loss(generated_features, target_features):
    """Equation 17: mean squared error of an autoencoder's bottleneck values, of any shape."""
    return ops.mean(
        ops.square(ops.cast(target_features, "float32") - ops.cast(generated_features, "float32"))
    )


def log_ratio_loss(generated, target):
    """Negative signal-to-noise ratio (equation 24) in dB: a time loss that ignores the level.

    It levels off below -10 dB, or windows that are nearly right already would outweigh all others
    (a soft threshold on the ratio, as in Wisdom et al., "Unsupervised Sound Separation Using
    Mixture Invariant Training", 2020, who set it at -30 dB).
    """
    generated, target = _signal(generated), _signal(target)
    signal = ops.mean(ops.square(target), axis=-1) + SILENCE_POWER
    error = ops.mean(ops.square(target - generated), axis=-1) + SILENCE_POWER
    return ops.mean(_DECIBELS * (ops.log(error + ERROR_THRESHOLD * signal) - ops.log(signal)))


def multi_resolution_loss(generated, target):
    """Spectral convergence and log-magnitude error at several resolutions.

    For each FFT size: ``||S_t - S_g|| / ||S_t||`` and the mean of ``|ln S_t - ln S_g|``, S being
    the magnitude of the STFT (Yamamoto, Song and Kim, "Parallel WaveGAN", 2020, equations 4-6);
    then the mean over the sizes that fit into the window.

    Raises:
        ValueError: when the window is shorter than the smallest size.
    """
    generated, target = _signal(generated), _signal(target)
    sizes = resolutions_of(target.shape[-1])
    total = 0.0
    for size in sizes:
        power_generated = power_spectrogram(generated, size, size // 4) + SILENCE_POWER
        power_target = power_spectrogram(target, size, size // 4) + SILENCE_POWER
        difference = ops.sqrt(power_target) - ops.sqrt(power_generated)
        error = ops.mean(ops.square(difference), axis=(1, 2))
        signal = ops.mean(power_target, axis=(1, 2))
        convergence = ops.sqrt((error + SILENCE_POWER) / (signal + GATE_POWER))
        log_magnitude = 0.5 * ops.mean(ops.abs(ops.log(power_target) - ops.log(power_generated)))
        total = total + ops.mean(convergence) + log_magnitude
    return total / len(sizes)


TERMS = {
    "time": time_loss,
    "frequency": frequency_loss,
    "log_ratio": log_ratio_loss,
    "multi_resolution": multi_resolution_loss,
}
"""Terms that compare two signals; the feature and adversarial terms need networks of their own."""


def _mean(losses):
    return ops.mean(ops.cast(losses, "float32"))


def wasserstein_generator_loss(score):
    """Equation 18: the critic's negative score of generated samples, ``(batch, 1)``."""
    return -_mean(score)


def wasserstein_critic_loss(score_target, score_generated):
    """Equation 19 without its penalty: the negative estimate of the Wasserstein distance."""
    return _mean(score_generated) - _mean(score_target)


def saturating_generator_loss(score):
    """Equation 3, ``log(1 - D)``, with ``D`` the sigmoid of the score."""
    return -_mean(ops.softplus(score))


def non_saturating_generator_loss(score):
    """Equation 4, ``-log D``, with ``D`` the sigmoid of the score."""
    return _mean(ops.softplus(-score))


def vanilla_discriminator_loss(score_target, score_generated):
    """Equation 2, ``-log D(x_t) - log(1 - D(x_g))``, with ``D`` the sigmoid of the score."""
    return _mean(ops.softplus(-score_target)) + _mean(ops.softplus(score_generated))


ADVERSARIAL = {
    "wasserstein": (wasserstein_generator_loss, wasserstein_critic_loss),
    "saturating": (saturating_generator_loss, vanilla_discriminator_loss),
    "non_saturating": (non_saturating_generator_loss, vanilla_discriminator_loss),
}
"""Generator and critic losses of each objective."""


def gradient_norm(gradient):
    """Euclidean norm of each sample's gradient, ``(batch, ...)`` to ``(batch,)``.

    A tiny constant inside the root keeps its own gradient finite at zero.
    """
    gradient = ops.cast(gradient, "float32")
    axes = tuple(range(1, len(gradient.shape)))
    return ops.sqrt(ops.sum(ops.square(gradient), axis=axes) + 1e-12)


def relative_gradient(gradient, windows):
    """What a gradient by windows would be, had all of them level 1: times each one's RMS.

    A critic that normalizes does not see a window's level, so that its gradient is in inverse
    proportion to it, and a penalty on it would be one on quiet windows alone.

    Args:
        gradient, windows: ``(batch, window, 1)``.
    """
    power = ops.mean(ops.square(ops.cast(windows, "float32")), axis=(1, 2), keepdims=True)
    return ops.cast(gradient, "float32") * ops.sqrt(power + GATE_POWER)


def gradient_penalty(gradient):
    """Second part of equation 19 before its weight: ``(||gradient|| - 1)**2``, over the batch."""
    return ops.mean(ops.square(gradient_norm(gradient) - 1.0))
