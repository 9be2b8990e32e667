import keras

from tfaudiogan.layers import (
    Abstention1D,
    AdditiveSkip1D,
    BandReplication1D,
    BandStatistics1D,
    Epilogue1D,
    FrequencyBands1D,
    Inception1D,
    InterpolatedBands1D,
    InverseSpectrum1D,
    PowerSpectrum1D,
    SpectralGain1D,
    Spectrum1D,
    ThirdOctaveCurve1D,
    ThirdOctaveSamples1D,
    ThirdOctaveStatistics1D,
)
from tfaudiogan.layers.rearrangement import check_order
from tfaudiogan.layers.third_octaves import third_octave_edges
from tfaudiogan.models.blocks import block_filters, down_block, up_block

MASK = "mask"
"""Name of the layer, itself a model, that maps power spectra to gains, and to the levels of the
replicated bands if there are any."""

SPECTRUM = "spectrum"
FINE_SPECTRUM = "fine_spectrum"
"""Names of the layers that compute the spectrum to be changed, and a finer one to be measured."""

FIRST_LEVEL = 4.0
"""Initial logarithm of the levels of the replicated bands, which makes them -45 dB. At a level of
zero, a band that is empty would have no gradient."""

LINKED_CHANNELS = 2
"""Channels of a recording that a spectral generator processes together outside of training."""

FADED_SHARE = 8
"""Share of a window of a spectral generator, one eighth, that is faded into the next window.

The gains follow from statistics of seconds. More overlap changes the sound no more than moving the
windows does and takes up to 1.75 times the work."""


def hop_of(model: keras.Model) -> int | None:
    """Return the samples from one window to the next in use, or ``None`` for half of a window."""
    if not is_spectral(model):
        return None
    (_, window, _) = model.input_shape
    return window - window // FADED_SHARE


def build_spectral_generator(
    window: int = 261_120,
    n_fft: int = 2048,
    bands: int = 256,
    blocks: int = 4,
    d_max: int = 1,
    base_filters: int = 128,
    reduction: int = 4,
    context: int = 256,
    dropout: float = 0.0,
    channels: int | None = 1,
    subpixel: str = "interleaved",
    replication: int | None = None,
    fine_n_fft: int | None = None,
) -> keras.Model:
    """Build a generator that multiplies every bin of a short-time spectrum by a gain.

    A U-Net of the paper's blocks (section IV) runs over the frames. Its inputs are each band's
    power less its mean over the window, and statistics of the whole window: what stays the same for
    seconds is mostly the recording device and the room. The log gains are the sum of a static
    equalizer, which depends only on the statistics, and the U-Net's output for every frame. The
    untrained generator is the identity; with a replication, it adds copies at -45 dB.

    With ``fine_n_fft``, a second network corrects the static equalizer, from statistics of a
    spectrum of longer frames (``ThirdOctaveStatistics1D``) and from the equalizer itself.

    Args:
        window: samples in a window: ``n_fft // 2`` times one less than a multiple of
            ``2**blocks``.
        n_fft: samples in a frame, a power of two; frames overlap by half.
        bands: frequency bands of the network's input and of the gains.
        blocks: number of down-sampling blocks over the frames and of up-sampling blocks.
        d_max: number of times that the filters double, block by block from the first.
        base_filters: filters of the first block.
        reduction: filters of an inception branch for each channel of its bottleneck.
        context: size of the vector that describes the whole window.
        dropout: dropout rate in the up-sampling blocks.
        channels: channels of a window, ``None`` for any number. All channels get the same gains,
            which depend on the mean of their powers, so that the stereo image is kept. Training
            uses one channel; ``with_channels`` changes the number afterward.
        subpixel: order in which the subpixel layers take channels, as for ``build_generator``.
        replication: first bin to which copies of the octave below are added, at levels that the
            network computes as well (``BandReplication1D``); ``None`` for no copies.
        fine_n_fft: samples in a frame of the finer spectrum, a power of two above ``n_fft``;
            ``None`` for none.

    Returns:
        A model from ``(batch, window, channels)`` to ``(batch, window, channels)``.

    Raises:
        ValueError: if the window does not fit, a size is out of range, or the order is unknown.

    Example: with the defaults, a window has 5.9 s at 44.1 kHz and 256 frames.
    """
    hop = n_fft // 2
    frames = (window or 0) // hop + 1
    if not window or window % hop or blocks < 1 or frames % 2**blocks:
        raise ValueError(
            f"window is {window} samples; expected {hop} times one less than a multiple of "
            f"{2**blocks}, for n_fft {n_fft} and {blocks} blocks"
        )
    if d_max < 0:
        raise ValueError(f"d_max is {d_max}; expected 0 or more")
    if replication is not None and not (0 < replication <= hop and replication % 4 == 0):
        raise ValueError(
            f"replication is {replication}; expected a multiple of 4 from 4 to {hop}, or None"
        )
    if fine_n_fft is not None and (fine_n_fft <= n_fft or fine_n_fft & (fine_n_fft - 1)):
        raise ValueError(
            f"fine_n_fft is {fine_n_fft}; expected a power of two above {n_fft}, or None"
        )
    check_order(subpixel)
    mask = _build_mask(
        frames,
        hop + 1,
        bands,
        blocks,
        d_max,
        base_filters,
        reduction,
        context,
        dropout,
        subpixel,
        replication is not None,
        _fine_shape(window, fine_n_fft) if fine_n_fft else None,
    )
    return _around(mask, window, n_fft, channels, replication, fine_n_fft=fine_n_fft)


def is_spectral(model: keras.Model) -> bool:
    """Whether a model was built by ``build_spectral_generator``, even if loaded from a file."""
    return any(isinstance(layer, Spectrum1D) for layer in model.layers)


def with_channels(model: keras.Model, channels: int | None) -> keras.Model:
    """Build a spectral generator for another number of channels, with the same weights.

    Args:
        model: a spectral generator, with which the new one shares its weights.
        channels: channels of a window, ``None`` for any number.

    Returns:
        A model from ``(batch, window, channels)`` to ``(batch, window, channels)``.

    Raises:
        ValueError: if the model is not spectral, or ``channels`` is below 1.

    Example: ``with_channels(generator, 2)`` makes a generator that was trained on one channel apply
    the same gains to both channels of a stereo recording.
    """
    return _around(**_parts_of(model) | {"channels": channels})


def with_abstention(
    model: keras.Model, change_db: float | None = None, gain_db: float = 0.0
) -> keras.Model:
    """Build a spectral generator that leaves windows as they are if their correction is small.

    A window that is left as it is has no gradient, so abstention is added after training
    (``layers.Abstention1D``). Such a window equals the input to the last bit.

    Args:
        model: a spectral generator, with which the new one shares its weights.
        change_db: relative power of the change in dB at which half of a correction is applied, or
            ``None`` to always apply all of it.
        gain_db: mean magnitude of the gains in dB at which half of a correction is applied.

    Returns:
        A model of the same shapes.

    Raises:
        ValueError: if the model is not spectral, or ``gain_db`` is negative.

    Example: ``with_abstention(generator, -15.0, 8.0)``
    """
    abstention = None if change_db is None else (change_db, gain_db)
    return _around(**_parts_of(model) | {"abstention": abstention})


def _parts_of(model: keras.Model) -> dict:
    """Return the arguments with which ``_around`` built a spectral generator."""
    if not is_spectral(model):
        raise ValueError(f"the model {model.name!r} is not spectral, as it must be")
    (_, window, channels) = model.input_shape
    parts = {"mask": model.get_layer(MASK), "window": window, "channels": channels}
    for layer in model.layers:
        if layer.name == SPECTRUM:
            parts["n_fft"] = layer.n_fft
        elif layer.name == FINE_SPECTRUM:
            parts["fine_n_fft"] = layer.n_fft
        elif isinstance(layer, BandReplication1D):
            parts["replication"] = layer.first
        elif isinstance(layer, Abstention1D):
            parts["abstention"] = (layer.change_db, layer.gain_db)
    return parts


def _around(
    mask: keras.Model,
    window: int,
    n_fft: int,
    channels: int | None,
    replication: int | None = None,
    abstention: tuple[float, float] | None = None,
    fine_n_fft: int | None = None,
) -> keras.Model:
    """Put the transforms around the network that computes the gains."""
    if channels is not None and channels < 1:
        raise ValueError(f"channels is {channels}; expected 1 or more, or None for any number")
    inputs = keras.Input((window, channels), name="window")
    spectrum = Spectrum1D(n_fft, name=SPECTRUM)(inputs)
    power = PowerSpectrum1D(name="power")(spectrum)
    masked = mask([power, _fine_power(inputs, fine_n_fft)] if fine_n_fft else power)
    gains, *levels = masked if replication else [masked]
    if abstention:
        gains, *levels = Abstention1D(*abstention, name="abstention")([power, gains, *levels])
    changed = SpectralGain1D(name="gain")([*spectrum, gains])
    if replication:
        changed = BandReplication1D(replication, name="replication")([*changed, *levels])
    inverse = InverseSpectrum1D(n_fft, name="signal")
    if not abstention:
        return keras.Model(inputs, inverse(changed), name="generator")
    # Only the difference is transformed back, so that without one the output equals the input.
    difference = [
        keras.layers.Subtract(name=name, dtype="float32")(parts)
        for name, *parts in zip(("real", "imaginary"), changed, spectrum, strict=True)
    ]
    outputs = AdditiveSkip1D(name="output", dtype="float32")([inverse(difference), inputs])
    return keras.Model(inputs, outputs, name="generator")


def _fine_power(inputs, fine_n_fft: int):
    """Return the power spectrum of longer frames, with silence after a window that ends in one."""
    silence = -inputs.shape[1] % (fine_n_fft // 2)
    if silence:
        inputs = keras.layers.ZeroPadding1D((0, silence), name="silence", dtype="float32")(inputs)
    spectrum = Spectrum1D(fine_n_fft, name=FINE_SPECTRUM)(inputs)
    return PowerSpectrum1D(name="fine_power")(spectrum)


def _fine_shape(window: int, fine_n_fft: int) -> tuple[int, int]:
    """Return the frames and bins of the finer spectrum."""
    hop = fine_n_fft // 2
    return -(-window // hop) + 1, hop + 1


def _build_mask(
    frames: int,
    bins: int,
    bands: int,
    blocks: int,
    d_max: int,
    base_filters: int,
    reduction: int,
    context: int,
    dropout: float,
    subpixel: str,
    replicates: bool,
    fine_shape: tuple[int, int] | None,
) -> keras.Model:
    """Build the network from powers, ``(batch, frames, bins)``, to the log gain of each bin.

    If it ``replicates``, it has a second output with the levels of the replicated bands. With a
    ``fine_shape``, it has a second input with the powers of a finer spectrum.
    """
    dense = keras.layers.Dense
    filters = block_filters(blocks, d_max, base_filters)

    powers = keras.Input((frames, bins), name="power")
    banded = FrequencyBands1D(bins, bands, name="bands")(powers)
    deviations, statistics = BandStatistics1D(name="statistics")(banded)
    summary = dense(context, name="summary")(statistics)
    summary = Epilogue1D(name="summary_epilogue")(summary)
    summary = dense(context, name="summary_2")(summary)
    summary = Epilogue1D(name="summary_2_epilogue")(summary)

    x = dense(base_filters, name="frames")(deviations)
    x = keras.layers.Add(name="frames_in_context")(
        [x, dense(base_filters, name="frames_context")(summary)]
    )
    x = Epilogue1D(name="frames_epilogue")(x)
    skips = []
    for d in range(blocks):
        skips.append(x)
        x = down_block(x, filters[d], reduction, name=f"down_{d}")
    for d in range(blocks):
        x = up_block(x, filters[blocks - 1 - d], reduction, dropout, f"up_{d}", subpixel)
        x = [x, skips.pop()]
    x = Inception1D(base_filters, reduction=reduction, name="last_inception")(x)
    x = keras.layers.Add(name="last_in_context")(
        [x, dense(base_filters, name="last_context")(summary)]
    )
    x = Epilogue1D(name="last_epilogue")(x)

    def per_band(dynamic: str, static: str, total: str, initial: float = 0.0):
        zero, bias = {"kernel_initializer": "zeros"}, keras.initializers.Constant(initial)
        return keras.layers.Add(name=total)(
            [
                dense(bands, **zero, name=dynamic)(x),
                dense(bands, **zero, bias_initializer=bias, name=static)(summary),
            ]
        )

    inputs = powers
    if fine_shape:
        fine_powers = keras.Input(fine_shape, name="fine_power")
        inputs = [powers, fine_powers]
        gains = per_band("dynamic", "static", "coarse_log_gains")
        correction = _correction(gains, fine_powers, bins, max(1, context // 4))
        gains = keras.layers.Add(name="log_gains", dtype="float32")([gains, correction])
    else:
        gains = per_band("dynamic", "static", "log_gains")
    outputs = InterpolatedBands1D(bins, bands, name="interpolated")(gains)
    if replicates:
        levels = per_band("dynamic_levels", "static_levels", "log_levels", FIRST_LEVEL)
        levels = InterpolatedBands1D(bins, bands, name="interpolated_levels")(levels)
        outputs = [outputs, levels]
    return keras.Model(inputs, outputs, name=MASK)


def _correction(gains, fine_powers, bins: int, width: int):
    """Return what to add to the log gains of all frames, ``(batch, 1, bands)``, at first zero."""
    sizes = {"bins": bins, "bands": gains.shape[-1], "fine_bins": fine_powers.shape[-1]}
    x = keras.layers.Concatenate(name="fine_summary", dtype="float32")(
        [
            ThirdOctaveStatistics1D(name="fine_statistics")(fine_powers),
            ThirdOctaveSamples1D(**sizes, name="equalizer")(gains),
        ]
    )
    for name in ("correction_1", "correction_2"):
        x = Epilogue1D(name=f"{name}_epilogue")(keras.layers.Dense(width, name=name)(x))
    thirds = len(third_octave_edges(fine_powers.shape[-1])) - 1
    x = keras.layers.Dense(thirds, kernel_initializer="zeros", name="correction")(x)
    return ThirdOctaveCurve1D(**sizes, name="correction_curve")(x)
