"""Test the band powers from which phone-restoration is trained, next to its model card."""

import importlib

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from tests.scripts import FOLDER, load_script
from tfaudiogan import enhance
from tfaudiogan.errors import InputError
from tfaudiogan.layers import FrequencyBands1D, PowerSpectrum1D, Spectrum1D


@pytest.fixture(scope="module")
def scripts():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield importlib.import_module("bands"), load_script("train")


@pytest.fixture(scope="module")
def signals(scripts):
    """A target, and an input with reverberation and noise, both at the common level."""
    bands, _ = scripts
    rng = np.random.default_rng(0)
    target = np.convolve(rng.normal(size=bands.WINDOW), 0.95 ** np.arange(200))[: bands.WINDOW]
    degraded = (
        target + 0.6 * np.roll(target, 900) + 0.3 * target.std() * rng.normal(size=len(target))
    )
    pair = np.stack([degraded, target])
    return (0.1 * pair / pair.std(axis=1, keepdims=True)).astype(np.float32)


def si_sdr(generated, target):
    generated, target = np.float64(generated), np.float64(target)
    scaled = (generated @ target) / (target @ target) * target
    return 10 * np.log10((scaled @ scaled) / ((generated - scaled) @ (generated - scaled)))


def test_bands_are_those_that_the_network_sees(scripts, signals):
    bands, _ = scripts
    measured = bands.measure(signals)
    parts = Spectrum1D(bands.N_FFT)(signals[..., np.newaxis])
    powers = FrequencyBands1D(bands.BINS, bands.BANDS)(PowerSpectrum1D()(parts))
    # Half precision resolves logarithms up to 16 to 1/128.
    np.testing.assert_allclose(measured[:2], np.log(powers + bands.SILENCE), atol=0.02)


def test_measures_of_bands_are_those_of_the_generators_output(scripts, signals):
    bands, script = scripts
    generator = script.new_generator()
    network = script.band_network(generator)
    for name, values in (
        ("static", np.sin(np.arange(bands.BANDS) / 20.0)),
        ("static_levels", np.full(bands.BANDS, 6.0)),
    ):
        network.get_layer(name).bias.assign(values)
    output = generator(signals[:1, :, np.newaxis])[0, :, 0]

    powers, target = np.exp(np.float32(bands.measure(signals)[:2, np.newaxis]))
    product = np.float32(bands.measure(signals)[2]) * np.sqrt(powers * target)
    zeros = tf.zeros_like(powers)
    before = script.measures(powers, target, product, zeros, zeros)
    after = script.measures(powers, target, product, *network(powers))
    # The gains are interpolated within a band, the copies are not quite orthogonal, and the
    # measure levels off by 0.1 dB at 14 dB.
    assert float(before[0][0]) == pytest.approx(si_sdr(*signals), abs=0.1)
    assert float(after[0][0]) == pytest.approx(si_sdr(output, signals[1]), abs=0.15)
    assert abs(si_sdr(output, signals[1]) - si_sdr(*signals)) > 0.5


def test_augmentation_that_changes_nothing_keeps_the_measures(scripts, signals):
    bands, script = scripts
    shape = (script.BATCH, bands.FRAMES, bands.BANDS)
    measured = np.repeat(bands.measure(signals)[np.newaxis], script.BATCH, axis=0)
    silence, noise = np.zeros(shape, np.float32), np.ones(shape, np.float16)
    none, sounding = (
        np.zeros((script.BATCH, bands.BANDS), np.float32),
        np.ones(shape[:2], np.float32),
    )
    steady = np.zeros((*shape[:2], len(script.OCTAVES)), np.float32)
    parameters = (none, none, none, none, none[:, :1], sounding, noise, noise, steady)
    powers, target, product = script.augment(measured, silence, *parameters)
    zeros = tf.zeros_like(powers)
    found = script.measures(powers, target, product, zeros, zeros)[0]
    np.testing.assert_allclose(found, si_sdr(*signals), atol=0.1)


def test_the_variation_of_a_noise_has_a_mean_of_one_in_each_band(scripts, tmp_path):
    bands, script = scripts
    noise = np.random.default_rng(0).normal(size=3 * script.SAMPLE_RATE)
    soundfile.write(tmp_path / "short.wav", 0.1 * noise, script.SAMPLE_RATE, "FLOAT")
    variation = np.float32(script.variation_of(tmp_path / "short.wav"))
    assert variation.shape == (bands.FRAMES, bands.BANDS)
    # Half precision rounds by up to 0.05 %.
    np.testing.assert_allclose(variation.mean(axis=0), 1.0, atol=1e-3)


def test_the_level_of_noise_changes_steadily(scripts):
    _, script = scripts
    changes = script.fluctuations(np.random.default_rng(0))
    assert changes.shape == (script.BATCH, script.FRAMES, len(script.OCTAVES))
    deviations = changes.std(axis=(1, 2))
    assert {round(deviation / 2) for deviation in deviations} == {0, 1, 2}
    assert np.abs(np.diff(changes, axis=1)).max() < np.ptp(changes) / 4 + 1e-6
    np.testing.assert_array_equal(changes, script.fluctuations(np.random.default_rng(0)))


def test_the_difference_to_a_teacher_is_that_of_the_gains_of_audible_and_of_loud_bands(scripts):
    bands, script = scripts
    rng = np.random.default_rng(0)
    shape = (2, bands.FRAMES, bands.BANDS)
    powers = rng.exponential(1e-2, shape)
    powers[:, :, 200:] = 1e-9
    gains, levels, teacher_gains, teacher_levels = rng.normal(0.0, 2.0, (4, *shape))
    given = [
        tf.constant(value, tf.float32)
        for value in (powers, gains, levels, teacher_gains, teacher_levels)
    ]
    found = script.difference(*given)

    squared = np.square(4 * (np.tanh(gains / 4) - np.tanh(teacher_gains / 4)))
    weights = powers * bands.WIDTHS
    loud = (weights * squared).sum((1, 2)) / weights.sum((1, 2))
    squared_levels = np.square(12 * (np.tanh(levels / 12) - np.tanh(teacher_levels / 12)))
    copies = squared_levels[..., bands.EDGES[:-1] > script.REPLICATION - 4].mean((1, 2))
    expected = squared[:, :, :200].mean((1, 2)) + loud + 0.02 * copies
    np.testing.assert_allclose(found, expected, rtol=1e-4)  # sums in float32
    np.testing.assert_array_equal(script.difference(*given[:3], *given[1:3]), 0)


def test_several_teachers_give_the_weighted_mean_of_their_gains(scripts, tmp_path):
    bands, script = scripts
    teachers = {}
    for share, gain in ((0.75, 1.0), (0.25, -3.0)):
        generator = script.new_generator()
        bias = np.full(bands.BANDS, gain, np.float32)
        script.band_network(generator).get_layer("static").bias.assign(bias)
        path = tmp_path / f"{gain}.keras"
        generator.save(path)
        teachers[path] = share
    trainer = script.Trainer(tmp_path, 300, 1e-3, 0, None, "float32", teachers)
    gains, levels = trainer.taught(tf.ones((1, bands.FRAMES, bands.BANDS)))
    np.testing.assert_allclose(gains, 0.75 * 1.0 + 0.25 * -3.0, atol=1e-6)
    np.testing.assert_allclose(levels, 4.0, atol=1e-6)


def test_a_saved_generator_may_abstain(scripts, corpus, tmp_path):
    _, script = scripts
    trainer = script.Trainer(tmp_path, 300, 1e-3, 0, None, "float32", {})
    trainer.save(tmp_path / "generator.keras", [corpus], 1.0, (100.0, 1000.0))
    audio = np.random.default_rng(0).uniform(-0.1, 0.1, 2000).astype(np.float32)
    np.testing.assert_array_equal(
        enhance(tmp_path / "generator.keras", audio, script.SAMPLE_RATE), audio
    )
    trainer.save(tmp_path / "generator.keras", [corpus], 1.0, None)
    changed = enhance(tmp_path / "generator.keras", audio, script.SAMPLE_RATE)
    assert np.abs(changed - audio).max() > 1e-4  # copies at -45 dB


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"abstention": (-15.0, -1.0)}, "gain of --abstention is -1 dB"),
        ({"precision": "float16"}, "precision is 'float16'"),
    ],
)
def test_options_are_checked_before_anything_is_read(scripts, tmp_path, options, message):
    _, script = scripts
    with pytest.raises(InputError, match=message):
        script.main([tmp_path / "missing"], tmp_path / "run", **options)


def test_a_corpus_of_short_tracks_is_named(scripts, corpus, tmp_path):
    bands, _ = scripts
    with pytest.raises(InputError, match="has no training excerpt"):
        bands.bands_of(corpus, tmp_path)
