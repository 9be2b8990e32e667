import keras
import numpy as np
import pytest
from scipy.signal import correlate

from tfaudiogan import layers
from tfaudiogan.layers import (
    Abstention1D,
    AdditiveSkip1D,
    BandReplication1D,
    BandStatistics1D,
    Epilogue1D,
    FoldedConv1D,
    FrequencyBands1D,
    Inception1D,
    InterpolatedBands1D,
    InverseSpectrum1D,
    PowerSpectrum1D,
    SpectralGain1D,
    Spectrum1D,
    SubPixel1D,
    SuperPixel1D,
    ThirdOctaveCurve1D,
    ThirdOctaveSamples1D,
    ThirdOctaveStatistics1D,
)

CASES = {
    "SubPixel1D": (lambda: SubPixel1D(ratio=2), (2, 8, 4), (2, 16, 2)),
    "SubPixel1D by 4": (lambda: SubPixel1D(ratio=4), (2, 8, 8), (2, 32, 2)),
    "SubPixel1D in blocks": (lambda: SubPixel1D(2, "blocked"), (2, 8, 4), (2, 16, 2)),
    "SuperPixel1D": (lambda: SuperPixel1D(ratio=2), (2, 8, 4), (2, 4, 8)),
    "SuperPixel1D by 8": (lambda: SuperPixel1D(ratio=8), (2, 8, 1), (2, 1, 8)),
    "SuperPixel1D in blocks": (lambda: SuperPixel1D(2, "blocked"), (2, 8, 4), (2, 4, 8)),
    "Inception1D": (lambda: Inception1D(16, reduction=2), (2, 96, 3), (2, 96, 16)),
    "Inception1D for subpixels": (
        lambda: Inception1D(16, reduction=2, phases=2),
        (2, 96, 3),
        (2, 96, 16),
    ),
    "Inception1D of odd branches": (
        lambda: Inception1D(8, reduction=2, phases=2),
        (2, 96, 3),
        (2, 96, 8),
    ),
    "Inception1D of two": (
        lambda: Inception1D(8, (3, 5), (3, 1), reduction=4),
        (2, 16, 4),
        (2, 16, 8),
    ),
    "FoldedConv1D": (lambda: FoldedConv1D(4, 9), (2, 96, 1), (2, 96, 4)),
    "Epilogue1D": (lambda: Epilogue1D(dropout=0.5), (2, 64, 3), (2, 64, 3)),
    "Epilogue1D for subpixels": (lambda: Epilogue1D(phases=2), (2, 64, 4), (2, 64, 4)),
    "Epilogue1D normalizing": (lambda: Epilogue1D(True, slope=0.2), (2, 64, 3), (2, 64, 3)),
    "AdditiveSkip1D": (AdditiveSkip1D, [(2, 8, 1), (2, 8, 1)], (2, 8, 1)),
    "Spectrum1D": (lambda: Spectrum1D(16), (2, 24, 3), [(2, 3, 4, 9)] * 2),
    "InverseSpectrum1D": (lambda: InverseSpectrum1D(16), [(2, 3, 4, 9)] * 2, (2, 24, 3)),
    "PowerSpectrum1D": (PowerSpectrum1D, [(2, 3, 4, 9)] * 2, (2, 4, 9)),
    "FrequencyBands1D": (lambda: FrequencyBands1D(129, 50), (2, 4, 129), (2, 4, 50)),
    "InterpolatedBands1D": (lambda: InterpolatedBands1D(129, 50), (2, 4, 50), (2, 4, 129)),
    "BandStatistics1D": (BandStatistics1D, (2, 4, 9), [(2, 4, 9), (2, 1, 27)]),
    "ThirdOctaveStatistics1D": (ThirdOctaveStatistics1D, (2, 4, 129), (2, 1, 7 * 9)),
    "ThirdOctaveSamples1D": (
        lambda: ThirdOctaveSamples1D(129, 50, 1025),
        (2, 4, 50),
        (2, 1, 18),
    ),
    "ThirdOctaveCurve1D": (lambda: ThirdOctaveCurve1D(129, 50, 1025), (2, 4, 18), (2, 4, 50)),
    "Abstention1D": (
        lambda: Abstention1D(-15.0, 7.0),
        [(2, 4, 9), (2, 4, 9), (2, 4, 9)],
        [(2, 4, 9), (2, 4, 9)],
    ),
    "BandReplication1D": (
        lambda: BandReplication1D(4),
        [(2, 3, 4, 9), (2, 3, 4, 9), (2, 4, 9)],
        [(2, 3, 4, 9), (2, 3, 4, 9)],
    ),
    "SpectralGain1D": (
        SpectralGain1D,
        [(2, 3, 4, 9), (2, 3, 4, 9), (2, 4, 9)],
        [(2, 3, 4, 9), (2, 3, 4, 9)],
    ),
}
NEEDS_ITS_WIDTH = {"Epilogue1D normalizing", "Spectrum1D", "InverseSpectrum1D"}
OF_SPECTRA = {
    "Abstention1D",
    "BandReplication1D",
    "BandStatistics1D",
    "PowerSpectrum1D",
    "SpectralGain1D",
    "ThirdOctaveSamples1D",
    "ThirdOctaveStatistics1D",
}
"""Layers without a width axis between batch and channels."""

IN_SINGLE_PRECISION = {
    "Abstention1D",
    "BandReplication1D",
    "BandStatistics1D",
    "FrequencyBands1D",
    "InterpolatedBands1D",
    "InverseSpectrum1D",
    "PowerSpectrum1D",
    "SpectralGain1D",
    "Spectrum1D",
    "ThirdOctaveCurve1D",
    "ThirdOctaveSamples1D",
    "ThirdOctaveStatistics1D",
}


def each(function, shapes):
    """Apply the function to one shape, or to each shape in a list."""
    return [function(s) for s in shapes] if isinstance(shapes, list) else function(shapes)


def listed(values) -> list:
    """Return the outputs of a layer as a list."""
    return list(values) if isinstance(values, (list, tuple)) else [values]


def shapes_of(outputs):
    shapes = [tuple(output.shape) for output in listed(outputs)]
    return shapes if isinstance(outputs, (list, tuple)) else shapes[0]


def test_every_public_layer_has_a_case():
    assert {name.split()[0] for name in CASES} == set(layers.__all__)


@pytest.mark.parametrize("name", CASES)
def test_every_layer_passes_the_standard_checks(name, tmp_path):
    make, input_shape, output_shape = CASES[name]
    rng = np.random.default_rng(0)
    # The inputs are positive, like powers.
    inputs = each(lambda s: np.abs(rng.normal(size=s)).astype("float32"), input_shape)
    layer = make()
    eager = layer(inputs)
    assert shapes_of(eager) == output_shape
    computed = layer.compute_output_shape(input_shape)
    assert (list(computed) if isinstance(output_shape, list) else computed) == output_shape

    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()

    open_input = each(lambda s: keras.Input(s[1:]), input_shape)
    assert shapes_of(layer(open_input)) == each(lambda s: (None, *s[1:]), output_shape)
    if name not in NEEDS_ITS_WIDTH | OF_SPECTRA:
        open_input = each(lambda s: keras.Input((None, *s[2:])), input_shape)
        assert layer(open_input).shape == (None, None, *output_shape[2:])

    model = keras.Model(open_input, layer(open_input))
    compiled = listed(model.predict(inputs, verbose=0))
    path = tmp_path / "layer.keras"
    model.save(path)
    loaded = listed(keras.models.load_model(path)(inputs))
    for ours, theirs, called in zip(compiled, loaded, listed(eager), strict=True):
        # Compiled and eager kernels may sum in another order.
        np.testing.assert_allclose(ours, called, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(theirs, called)


@pytest.mark.parametrize("name", CASES)
def test_every_layer_in_half_precision(name):
    make, input_shape, _ = CASES[name]
    inputs = each(lambda s: np.ones(s, "float32"), input_shape)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        outputs = listed(make()(inputs))
    finally:
        keras.config.set_dtype_policy(before)
    expected = "float32" if name in IN_SINGLE_PRECISION else "bfloat16"
    assert {keras.backend.standardize_dtype(x.dtype) for x in outputs} == {expected}


@pytest.mark.parametrize("ratio", [1, 2, 4])
@pytest.mark.parametrize("options", [{}, {"order": "interleaved"}, {"order": "blocked"}])
def test_sub_and_super_pixel_are_inverse_whichever_comes_first(ratio, options):
    x = np.random.default_rng(0).normal(size=(3, 16, 8)).astype("float32")
    down, up = SuperPixel1D(ratio, **options), SubPixel1D(ratio, **options)
    np.testing.assert_array_equal(up(down(x)), x)
    np.testing.assert_array_equal(down(up(x)), x)


@pytest.mark.parametrize("ratio", [2, 4])
@pytest.mark.parametrize("order", ["interleaved", "blocked"])
def test_sub_pixel_places_channels_in_time(ratio, order):
    x = np.random.default_rng(0).normal(size=(3, 5, 8)).astype("float32")
    output = np.asarray(SubPixel1D(ratio, order)(x))
    channels = 8 // ratio
    for w in range(5):
        for p in range(ratio):
            for c in range(channels):
                source = c * ratio + p if order == "interleaved" else p * channels + c
                np.testing.assert_array_equal(output[:, w * ratio + p, c], x[:, w, source])


@pytest.mark.parametrize("layer", [SubPixel1D, SuperPixel1D])
def test_a_configuration_without_an_order_is_blocked(layer):
    config = layer(4).get_config()
    assert config.pop("order") == "interleaved"
    assert layer.from_config(config).get_config() == config | {"order": "blocked"}


@pytest.mark.parametrize("filters", [16, 8])  # even branches, and odd ones
def test_phases_do_what_an_interleaved_sub_pixel_layer_would_do(filters):
    x = np.random.default_rng(0).normal(size=(2, 96, 3)).astype("float32")
    plain = Inception1D(filters, reduction=2), Epilogue1D()
    blocked = Inception1D(filters, reduction=2, phases=2), Epilogue1D(phases=2)
    for layer, other in zip(plain, blocked, strict=True):
        for one in (layer, other):
            one.build((None, 96, 3) if layer is plain[0] else (None, 96, filters))
        rng = np.random.default_rng(1)
        layer.set_weights([w + 0.3 * rng.normal(size=w.shape) for w in layer.get_weights()])
        other.set_weights(layer.get_weights())
    for inputs in (x, [x[..., :1], x[..., 1:]]):
        expected = SubPixel1D(2)(plain[1](plain[0](inputs)))
        output = SubPixel1D(2, "blocked")(blocked[1](blocked[0](inputs)))
        # The same sums of up to 81 * 3 products, which a kernel for other columns may order anew.
        np.testing.assert_allclose(output, expected, atol=1e-5)


def test_inception_equals_branches_computed_one_by_one():
    layer = Inception1D(16, reduction=3)
    layer.build((None, 200, 5))
    x = np.random.default_rng(0).normal(size=(1, 200, 5)).astype("float32")
    reduce_kernel, reduce_bias, *kernels, bias = (w.numpy() for w in _ordered(layer))
    bias = bias + np.random.default_rng(1).normal(size=bias.shape).astype("float32")
    layer.bias.assign(bias)
    output = np.asarray(layer(x))[0]
    reduced = x[0].astype("float64") @ reduce_kernel[0] + reduce_bias
    expected, first = [], 0
    for kernel in kernels:
        part = reduced[:, first : first + kernel.shape[1]]
        first += kernel.shape[1]
        expected += [
            sum(correlate(part[:, c], kernel[:, c, f], "same") for c in range(part.shape[1]))
            for f in range(kernel.shape[2])
        ]
    # float32 sums of up to 81 * 2 products against float64.
    np.testing.assert_allclose(output, np.stack(expected, -1) + bias, atol=1e-4)


def _ordered(layer):
    return [layer.reduce_kernel, layer.reduce_bias, *layer.kernels, layer.bias]


@pytest.mark.parametrize(
    ("filters", "reduction", "branches", "bottlenecks"),
    [
        (64, 16, (24, 24, 8, 8), (1, 1, 1, 1)),
        (64, 4, (24, 24, 8, 8), (6, 6, 2, 2)),
        (1024, 16, (384, 384, 128, 128), (24, 24, 8, 8)),
    ],
)
def test_inception_divides_its_filters(filters, reduction, branches, bottlenecks):
    layer = Inception1D(filters, reduction=reduction)
    assert layer.branch_filters == branches
    assert layer.bottlenecks == bottlenecks


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: SubPixel1D(0), ValueError, "ratio is 0"),
        (lambda: SuperPixel1D(2.0), TypeError, "ratio is 2.0"),
        (lambda: SubPixel1D(True), TypeError, "ratio is True"),
        (lambda: SubPixel1D(2, "mixed"), ValueError, "order is 'mixed'"),
        (lambda: Inception1D(16, phases=3), ValueError, "multiple of the 3 phases"),
        (lambda: Inception1D(16, phases=0), ValueError, "phases holds 0"),
        (lambda: Epilogue1D(phases=0), ValueError, "phases is 0"),
        (lambda: Epilogue1D(phases=2).build((1, 8, 3)), ValueError, "multiple of the 2 phases"),
        (lambda: Epilogue1D(epsilon=0.0), ValueError, "epsilon is 0.0"),
        (lambda: SubPixel1D(2)(np.zeros((1, 4, 3))), ValueError, "3 channels"),
        (lambda: SuperPixel1D(2)(np.zeros((1, 5, 1))), ValueError, "width of 5"),
        (lambda: SuperPixel1D(2)(np.zeros((1, 4))), ValueError, r"shape \(1, 4\)"),
        (lambda: Inception1D(0), ValueError, "filters holds 0"),
        (lambda: Inception1D(64.0), TypeError, "filters holds 64.0"),
        (lambda: Inception1D(60), ValueError, "not whole"),
        (lambda: Inception1D(64, (3, 9), (1, 1, 1)), ValueError, "one share for each"),
        (lambda: Inception1D(64, reduction=0), ValueError, "reduction holds 0"),
    ],
)
def test_bad_arguments_are_named(make, error, words):
    with pytest.raises(error, match=words):
        make()
