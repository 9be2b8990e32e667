"""Metrics of how close a generated signal is to its target (section V-B).

The functions take ``(batch, samples)`` and return ``(batch,)`` float32. They have no epsilons: if a
target is digital silence, the result is not finite. The Keras metrics, such as ``SNR``, exclude
these windows from their mean and count them.
"""

import keras
from keras import ops

from tfaudiogan.audio.spectra import mel_filters, power_spectrogram
from tfaudiogan.losses import SILENCE_POWER, resolutions_of


def _float32(x):
    return ops.cast(ops.convert_to_tensor(x), "float32")


def _decibels(ratio):
    return 10.0 * ops.log10(ratio)


def snr(generated, target):
    """Compute equation 24, the signal-to-noise ratio in dB.

    It is 0 for a silent generated signal, and infinite for the target itself.

    Args:
        generated, target: ``(batch, samples)``.

    Returns:
        ``(batch,)``; NaN or minus infinity if the target is all zero.
    """
    generated, target = _float32(generated), _float32(target)
    signal = ops.sum(ops.square(target), axis=-1)
    noise = ops.sum(ops.square(target - generated), axis=-1)
    return _decibels(signal / noise)


def si_sdr(generated, target):
    """Compute the scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019, eq. 3).

    This is the ``snr`` against the target, scaled to fit the generated signal best.
    """
    generated, target = _float32(generated), _float32(target)
    scale = ops.sum(generated * target, axis=-1) / ops.sum(ops.square(target), axis=-1)
    return snr(generated, scale[:, None] * target)


def lsd(generated, target, n_fft: int = 512, hop: int = 128):
    """Compute equation 25, the log-spectral distance, in bels and without an epsilon.

    It is the root mean square over the frequency bins of ``log10`` of the ratio of the powers,
    averaged over the frames. It is not finite if a bin of either signal has zero power.
    """
    power_generated = power_spectrogram(_float32(generated), n_fft, hop)
    power_target = power_spectrogram(_float32(target), n_fft, hop)
    difference = ops.log10(power_generated) - ops.log10(power_target)
    return ops.mean(ops.sqrt(ops.mean(ops.square(difference), axis=-1)), axis=-1)


def _decibel_distance(power_generated, power_target):
    floor = SILENCE_POWER
    difference = _decibels(power_generated + floor) - _decibels(power_target + floor)
    return ops.mean(ops.abs(difference), axis=(1, 2))


def multi_resolution_distance(generated, target):
    """Compute the mean absolute difference of log-power spectrograms in dB, at several FFT sizes.

    The sizes are those of ``losses.RESOLUTIONS`` that fit into the signal. Powers are floored at
    -80 dBFS.
    """
    generated, target = _float32(generated), _float32(target)
    sizes = resolutions_of(target.shape[-1])
    distances = [
        _decibel_distance(
            power_spectrogram(generated, size, size // 4),
            power_spectrogram(target, size, size // 4),
        )
        for size in sizes
    ]
    return sum(distances) / len(sizes)


def mel_distance(generated, target, sample_rate: int, bands: int = 64, n_fft: int = 1024):
    """Compute the mean absolute difference of log-mel spectrograms in dB, floored at -80 dBFS.

    Args:
        generated, target: ``(batch, samples)``, at least ``n_fft`` samples.
        sample_rate: in hertz.
        bands: number of mel bands from 0 Hz to half the sample rate
            (``audio.spectra.mel_filters``).
        n_fft: samples in a frame.
    """
    filters = mel_filters(bands, n_fft, sample_rate)
    return _decibel_distance(
        ops.matmul(power_spectrogram(_float32(generated), n_fft, n_fft // 4), filters),
        ops.matmul(power_spectrogram(_float32(target), n_fft, n_fft // 4), filters),
    )


class WindowMean(keras.metrics.Metric):
    """Mean of a function of generated and target windows, over the windows where it is finite.

    Args:
        function: maps ``generated`` and ``target``, ``(batch, samples)``, to ``(batch,)``.
        name: name of the metric.
    """

    def __init__(self, function, name: str, **kwargs) -> None:
        super().__init__(name=name, **kwargs)
        self._function = function
        self.total = self.add_variable((), "zeros", name="total")
        self.windows = self.add_variable((), "zeros", name="windows")
        self.left_out = self.add_variable((), "zeros", name="left_out")

    def update_state(self, y_true, y_pred, sample_weight=None) -> None:
        values = self._function(ops.squeeze(y_pred, -1), ops.squeeze(y_true, -1))
        finite = ops.isfinite(values)
        self.total.assign_add(ops.sum(ops.where(finite, values, 0.0)))
        count = ops.sum(ops.cast(finite, "float32"))
        self.windows.assign_add(count)
        self.left_out.assign_add(ops.cast(ops.shape(values)[0], "float32") - count)

    def result(self):
        return self.total / ops.maximum(self.windows, 1.0)


@keras.saving.register_keras_serializable("tfaudiogan")
class SNR(WindowMean):
    """Mean of ``snr`` over windows, in dB."""

    def __init__(self, name: str = "snr", **kwargs) -> None:
        super().__init__(snr, name, **kwargs)


@keras.saving.register_keras_serializable("tfaudiogan")
class LSD(WindowMean):
    """Mean of ``lsd`` over windows."""

    def __init__(self, name: str = "lsd", **kwargs) -> None:
        super().__init__(lsd, name, **kwargs)
