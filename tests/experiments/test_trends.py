import numpy as np
import pytest
from scipy.stats import linregress

from tfaudiogan.experiments.trends import Trend, describe_trends


def history(values, step=150) -> dict[str, np.ndarray]:
    return {"step": step * np.arange(1.0, len(values) + 1), "val_snr": np.array(values, float)}


def test_the_slope_and_its_error_are_those_of_a_line_through_the_last_third():
    values = np.concatenate([np.linspace(-5, 1, 20), 1 + np.random.default_rng(0).normal(size=10)])
    curve = history(values)
    trend = Trend.of(curve, "val_snr")
    expected = linregress(curve["step"][20:] / 1000, values[20:])
    assert trend.epochs == 10
    assert (trend.slope, trend.error) == pytest.approx((expected.slope, expected.stderr))


@pytest.mark.parametrize(
    ("values", "verdict", "words"),
    [
        (
            [0, 1, 2, 3, 4, 5, 6, 7, 8],
            "rising",
            "still rising, so that more updates would help: a 6.67 ± 0.00.",
        ),
        ([8, 7, 6, 5, 4, 3, 2, 1, 0], "falling", "were falling: a −6.67 ± 0.00."),
        ([0, 0, 0, 0, 0, 0, 1, -1, 1], "level", "level within two standard errors: a 0.00 ± "),
        ([1, np.nan, 2, 3], "rising", "a 4.29 ± 0.82."),
    ],
)
def test_verdicts(values, verdict, words):
    trend = Trend.of(history(values), "val_snr")
    assert trend.verdict == verdict
    assert words in describe_trends({"a": trend})


@pytest.mark.parametrize("values", [[1.0], [1.0, np.nan, 2.0]])
def test_two_values_have_no_trend(values):
    assert Trend.of(history(values), "val_snr") is None
    assert Trend.of(history(values), "val_lsd") is None
    assert "too few validations to tell: a." in describe_trends({"a": None})
