"""The terms of the training losses (sections IV-A and IV-I), as pure functions on ``keras.ops``.

Signals are ``(batch, window, 1)``. Every term is the mean over the batch of each sample's loss, a
float32 scalar with finite gradients everywhere, including silence. To add a term, write the
function, list it in ``TERMS``, and add a field for its weight to ``config.LossWeights``.
"""

import math

from keras import ops

from tfaudiogan.audio.spectra import power_spectrogram

SILENCE_POWER = 1e-8
"""Mean power (-80 dBFS) below which a target counts as silent in level-independent terms."""

GATE_POWER = 1e-6
"""Mean power (-60 dBFS) that limits the weight of a nearly silent target."""

ERROR_THRESHOLD = 0.1
"""Share of the target's power (-10 dB) below which the loss of an error levels off."""

_DECIBELS = 10.0 / math.log(10.0)

RESOLUTIONS = (2048, 1024, 512, 256)
"""FFT sizes, in samples, of the multi-resolution loss and distance; hops are a quarter of them."""


def resolutions_of(samples: int) -> list[int]:
    """Return the ``RESOLUTIONS`` that are not longer than a window of ``samples``.

    Raises:
        ValueError: if all of them are.
    """
    sizes = [size for size in RESOLUTIONS if size <= samples]
    if not sizes:
        raise ValueError(
            f"the window has {samples} samples; a multi-resolution loss or distance needs "
            f"{RESOLUTIONS[-1]} or more"
        )
    return sizes


def _signal(x):
    return ops.cast(ops.squeeze(x, axis=-1), "float32")


def time_loss(generated, target):
    """Compute equation 15, the mean squared error of the waveform."""
    return ops.mean(ops.square(_signal(target) - _signal(generated)))


def frequency_loss(generated, target, n_fft: int = 512, hop: int = 128):
    """Compute equation 16, the mean squared error of the power spectrogram.

    The spectrogram is normalized by its window's energy (``audio.spectra``), which brings the
    term to the order of the time loss at the paper's weight of 10, as section V-B intends.
    """
    difference = power_spectrogram(_signal(target), n_fft, hop) - power_spectrogram(
        _signal(generated), n_fft, hop
    )
    return ops.mean(ops.square(difference))


def feature_loss(generated_features, target_features):
    """Compute equation 17, the mean squared error of an autoencoder's features, of any shape."""
    return ops.mean(
        ops.square(ops.cast(target_features, "float32") - ops.cast(generated_features, "float32"))
    )


def log_ratio_loss(generated, target):
    """Compute the negative SNR (equation 24) in dB, a time loss that ignores the target's level.

    The loss levels off below -10 dB, since windows that are already nearly correct would otherwise
    outweigh all others (a soft threshold on the ratio, as in Wisdom et al., "Unsupervised Sound
    Separation Using Mixture Invariant Training", 2020, where it is -30 dB).
    """
    generated, target = _signal(generated), _signal(target)
    signal = ops.mean(ops.square(target), axis=-1) + SILENCE_POWER
    error = ops.mean(ops.square(target - generated), axis=-1) + SILENCE_POWER
    return ops.mean(_DECIBELS * (ops.log(error + ERROR_THRESHOLD * signal) - ops.log(signal)))


def multi_resolution_loss(generated, target):
    """Compute spectral convergence plus log-magnitude error at several resolutions.

    For each FFT size this is ``||S_t - S_g|| / ||S_t||`` plus the mean of ``|ln S_t - ln S_g|``,
    where S is the magnitude of the STFT (Yamamoto, Song and Kim, "Parallel WaveGAN", 2020,
    equations 4-6). The result is the mean over the FFT sizes that fit into the window.

    Raises:
        ValueError: if the window is shorter than the smallest FFT size.
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
"""Terms that compare two signals; the feature and adversarial terms need further networks."""


def _mean(losses):
    return ops.mean(ops.cast(losses, "float32"))


def wasserstein_generator_loss(score):
    """Compute equation 18, the critic's negative score, ``(batch, 1)``, of generated windows."""
    return -_mean(score)


def wasserstein_critic_loss(score_target, score_generated):
    """Compute equation 19 without its penalty, the negative Wasserstein distance estimate."""
    return _mean(score_generated) - _mean(score_target)


def saturating_generator_loss(score):
    """Compute equation 3, ``log(1 - D)``, where ``D`` is the sigmoid of the score."""
    return -_mean(ops.softplus(score))


def non_saturating_generator_loss(score):
    """Compute equation 4, ``-log D``, where ``D`` is the sigmoid of the score."""
    return _mean(ops.softplus(-score))


def vanilla_discriminator_loss(score_target, score_generated):
    """Compute equation 2, ``-log D(x_t) - log(1 - D(x_g))``, where ``D`` is a score's sigmoid."""
    return _mean(ops.softplus(-score_target)) + _mean(ops.softplus(score_generated))


ADVERSARIAL = {
    "wasserstein": (wasserstein_generator_loss, wasserstein_critic_loss),
    "saturating": (saturating_generator_loss, vanilla_discriminator_loss),
    "non_saturating": (non_saturating_generator_loss, vanilla_discriminator_loss),
}
"""Generator and critic losses of each objective."""


def gradient_norm(gradient):
    """Compute the Euclidean norm of each sample's gradient, ``(batch, ...)`` to ``(batch,)``.

    A tiny constant inside the root keeps the norm's gradient finite at zero.
    """
    gradient = ops.cast(gradient, "float32")
    axes = tuple(range(1, len(gradient.shape)))
    return ops.sqrt(ops.sum(ops.square(gradient), axis=axes) + 1e-12)


def relative_gradient(gradient, windows):
    """Multiply a gradient with respect to windows by the windows' RMS.

    A critic with layer normalization ignores a window's level, so its gradient is inversely
    proportional to the level, and a penalty on the gradient itself would mostly concern quiet
    windows. The result is the gradient for windows scaled to an RMS of 1.

    Args:
        gradient, windows: ``(batch, window, 1)``.
    """
    power = ops.mean(ops.square(ops.cast(windows, "float32")), axis=(1, 2), keepdims=True)
    return ops.cast(gradient, "float32") * ops.sqrt(power + GATE_POWER)


def gradient_penalty(gradient):
    """Compute the penalty of equation 19, without its weight: mean of ``(||gradient|| - 1)**2``."""
    return ops.mean(ops.square(gradient_norm(gradient) - 1.0))
