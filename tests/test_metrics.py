import numpy as np
import pytest

from tfaudiogan import metrics

rng = np.random.default_rng(0)
TARGET = rng.normal(scale=0.1, size=(4, 4096))
GENERATED = 0.7 * TARGET + rng.normal(scale=0.05, size=TARGET.shape)


def spectra(x, n_fft, hop):
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    frames = [x[:, i : i + n_fft] * window for i in range(0, x.shape[1] - n_fft + 1, hop)]
    return np.abs(np.fft.rfft(np.stack(frames, 1))) ** 2


def test_snr_is_equation_24():
    expected = 10 * np.log10(
        np.linalg.norm(TARGET, axis=1) ** 2 / np.linalg.norm(TARGET - GENERATED, axis=1) ** 2
    )
    np.testing.assert_allclose(metrics.snr(GENERATED, TARGET), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("generated", "target", "expected"),
    [
        (0 * TARGET, TARGET, 0.0),
        (TARGET / 2, TARGET, 20 * np.log10(2)),
        (TARGET, TARGET, np.inf),
        (GENERATED, 0 * TARGET, -np.inf),
    ],
)
def test_snr_of_known_pairs(generated, target, expected):
    np.testing.assert_allclose(metrics.snr(generated, target), np.full(4, expected), atol=1e-4)


def test_snr_of_silence_against_silence_is_undefined():
    assert np.isnan(np.asarray(metrics.snr(0 * TARGET, 0 * TARGET))).all()


def test_lsd_is_equation_25():
    ratio = np.log10(spectra(GENERATED, 512, 128) / spectra(TARGET, 512, 128))
    expected = np.sqrt((ratio**2).mean(axis=2)).mean(axis=1)
    # Bins near zero in float32 against float64.
    np.testing.assert_allclose(metrics.lsd(GENERATED, TARGET), expected, rtol=1e-3)


def test_lsd_of_a_gain_is_that_gain_in_bels():
    np.testing.assert_allclose(metrics.lsd(TARGET * 10, TARGET), 2.0, rtol=1e-4)


def test_si_sdr_ignores_the_scale_of_the_generated_signal():
    projection = (GENERATED * TARGET).sum(1, keepdims=True) / (TARGET**2).sum(1, keepdims=True)
    error = GENERATED - projection * TARGET
    expected = 10 * np.log10(((projection * TARGET) ** 2).sum(1) / (error**2).sum(1))
    np.testing.assert_allclose(metrics.si_sdr(GENERATED, TARGET), expected, atol=1e-3)
    np.testing.assert_allclose(metrics.si_sdr(3 * GENERATED, TARGET), expected, atol=1e-3)


def test_multi_resolution_distance_of_a_gain_is_that_gain_in_db():
    np.testing.assert_allclose(
        metrics.multi_resolution_distance(TARGET / 2, TARGET), 20 * np.log10(2), rtol=1e-2
    )


def test_mel_distance_of_a_gain_is_that_gain_in_db():
    np.testing.assert_allclose(
        metrics.mel_distance(TARGET / 2, TARGET, 16000), 20 * np.log10(2), rtol=1e-2
    )


def test_mel_distance_is_its_formula():
    from tfaudiogan.audio.spectra import mel_filters

    window_energy = 1024 * 3 / 8
    bands = [
        10 * np.log10(spectra(x, 1024, 256) / window_energy @ mel_filters(64, 1024, 16000) + 1e-8)
        for x in (GENERATED, TARGET)
    ]
    expected = np.abs(bands[0] - bands[1]).mean(axis=(1, 2))
    np.testing.assert_allclose(metrics.mel_distance(GENERATED, TARGET, 16000), expected, rtol=1e-3)


def test_keras_metrics_leave_out_and_count_windows_without_a_target():
    target = TARGET.copy()
    target[1] = 0.0
    expected = np.asarray(metrics.snr(GENERATED, TARGET))[[0, 2, 3]].mean()
    metric = metrics.SNR()
    for rows in (slice(0, 2), slice(2, 4)):
        metric.update_state(target[rows, :, None], GENERATED[rows, :, None])
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-5)
    assert int(metric.left_out.numpy()) == 1
