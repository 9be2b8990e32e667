import numpy as np
import pytest
from scipy import stats

from tfaudiogan.reporting.tables import Improvement, Scores


def test_the_interval_is_that_of_an_independent_bootstrap():
    gains = np.random.default_rng(1).normal(1.0, 2.0, 60)
    found = Improvement.of(gains)
    expected = stats.bootstrap(
        (gains,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    # Percentiles of 2,000 means have an uncertainty of a few hundredths of their width.
    np.testing.assert_allclose([found.low, found.high], expected, atol=0.06)
    assert found.mean == pytest.approx(gains.mean())
    assert found.worse == np.mean(gains < 0)


def test_values_that_are_not_finite_are_left_out():
    assert Improvement.of(np.array([np.nan, -np.inf])) is None
    assert Improvement.of(np.array([1.0, np.nan])).counted == 1


def test_an_unchanged_track_is_not_worse():
    found = Improvement.of(np.zeros(5))
    assert (found.mean, found.worse) == (0.0, 0.0)
    assert str(found) == "0.00 [0.00, 0.00], 0 % worse"


def test_scores_with_improvements_survive_json():
    text = """{"format": 1, "corpus": "c", "corpus_sha256": "x", "task": "phone", "split": "test",
    "sample_rate": 8000, "window": 1024, "tables": {"tracks": {"counted": 2, "silent": 0,
    "seconds": null, "metrics": {"si_sdr": {"label": "SI-SDR", "unit": "dB",
    "higher_is_better": true}}, "rows": [{"name": "model", "label": "Model", "kind": "model",
    "values": {"si_sdr": {"mean": 1, "std": 0, "counted": 2, "undefined": 0}},
    "improvements": {"si_sdr": {"mean": 1.5, "low": 1, "high": 2, "worse": 0.5, "counted": 2}}}
    ]}}}"""
    scores = Scores.from_json(text)
    assert Scores.from_json(scores.to_json()) == scores
    table = scores.tables["tracks"]
    assert table.improved == ("si_sdr",)
    assert "1.50 [1.00, 2.00], 50 % worse" in table.to_markdown()
    assert "over the input" in scores.to_text()
