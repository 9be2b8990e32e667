import io
import json
import math

import numpy as np
import pytest
from rich.console import Console

from tfaudiogan.errors import InputError
from tfaudiogan.reporting.tables import (
    METRICS,
    Metric,
    Row,
    Scores,
    Statistic,
    Table,
    join,
    signed,
    verdict,
)


def statistic(mean: float | None) -> Statistic:
    return Statistic(None, None, 0, 7) if mean is None else Statistic(mean, 1.5, 7)


def table(model: float | None = 2.0, label: str = "Model") -> Table:
    rows = [
        Row("model", label, "model", {"snr": statistic(model), "lsd": statistic(1.8)}),
        Row(
            "identity", "Input as it is", "baseline", {"snr": statistic(-4.0), "lsd": statistic(2)}
        ),
        Row("silence", "Silence", "baseline", {"snr": statistic(0.0), "lsd": statistic(None)}),
        Row(
            "best_gain",
            "Best constant gain",
            "baseline",
            {"snr": statistic(0.9), "lsd": statistic(2.5)},
        ),
    ]
    metrics = {name: METRICS[name] for name in ("snr", "lsd")}
    return Table("windows", 7, 2, None, metrics, tuple(rows))


def scores(**changes) -> Scores:
    values = {
        "corpus": "corpora/demo",
        "corpus_sha256": "ab",
        "task": "instrument",
        "split": "test",
        "sample_rate": 8000,
        "window": 1024,
        "tables": {"windows": table()},
    }
    return Scores(**values | changes)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 3.0], Statistic(2.0, 1.0, 2, 0)),
        ([1.0, np.inf, 3.0, np.nan], Statistic(2.0, 1.0, 2, 2)),
        ([-np.inf], Statistic(None, None, 0, 1)),
        ([], Statistic(None, None, 0, 0)),
    ],
)
def test_statistic_leaves_out_and_counts_what_is_not_finite(values, expected):
    assert Statistic.of(np.array(values)) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Statistic(-4.704, 3.226, 5), "−4.70 ± 3.23"),
        (Statistic(-0.001, 0.0, 5), "0.00 ± 0.00"),
        (Statistic(None, None, 0, 5), "–"),
    ],
)
def test_statistic_as_text(value, text):
    assert str(value) == text


def test_json_round_trip_and_form():
    text = scores().to_json()
    assert Scores.from_json(text) == scores()
    values = json.loads(text)
    assert values["format"] == 1
    windows = values["tables"]["windows"]
    assert (windows["counted"], windows["silent"]) == (7, 2)
    assert windows["metrics"]["lsd"] == {"label": "LSD", "unit": "bel", "higher_is_better": False}
    assert windows["rows"][2]["values"]["lsd"] == {
        "mean": None,
        "std": None,
        "counted": 0,
        "undefined": 7,
    }


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", scores().to_json().replace('"format": 1', '"format": 2')],
)
def test_json_that_holds_no_scores(text):
    with pytest.raises(InputError, match=r"scores\.json holds no scores"):
        Scores.from_json(text, "scores.json")


def test_texts_carry_units_directions_and_counts():
    console = Console(width=120, file=io.StringIO())
    console.print(table().to_rich())
    for text in (console.file.getvalue(), table().to_markdown()):
        for words in ("SNR (dB)", "higher is better", "LSD (bel)", "lower is better"):
            assert words in text
        assert "2.00 ± 1.50" in text
    assert table().caption == (
        "Mean ± standard deviation over 7 windows; 2 of digital silence are left out."
    )


def test_markdown_is_a_table():
    lines = table().to_markdown().splitlines()
    assert lines[1] == "| --- | ---: | ---: |"
    assert lines[4] == "| Silence | 0.00 ± 1.50 | – |"


@pytest.mark.parametrize(
    ("baseline", "metric", "gain"),
    [("best_gain", "snr", 1.1), ("identity", "snr", 6.0), ("best_gain", "lsd", 0.7)],
)
def test_gain_is_positive_where_the_model_is_better(baseline, metric, gain):
    assert table().gain_over(baseline, metric) == pytest.approx(gain)


def test_gain_over_an_undefined_baseline():
    assert math.isnan(table().gain_over("silence", "lsd"))
    with pytest.raises(KeyError, match="no row 'spline'; there are model, identity"):
        table().gain_over("spline")


@pytest.mark.parametrize(
    ("mean", "words"),
    [
        (2.0, ["2.00 dB SNR", "1.1 dB above the best constant gain", "6.0 dB above the input"]),
        (0.5, ["0.4 dB below the best constant gain", "4.5 dB above", "needs more training"]),
        (0.91, ["level with the best constant gain", "needs more training"]),
        (-5.0, ["−5.00 dB SNR", "1.0 dB below the input as it is"]),
        (None, ["undefined for all windows"]),
    ],
)
def test_verdict(mean, words):
    sentence = verdict(table(mean))
    for word in words:
        assert word in sentence
    assert ("more training" in sentence) == (mean is not None and mean < 0.95)


def test_notes_state_what_a_mean_leaves_out():
    assert table().notes == ()
    partial = Row("model", "Model", "model", {"lsd": Statistic(1.8, 0.2, 5, 2)})
    noted = Table("windows", 7, 0, None, {"lsd": METRICS["lsd"]}, (partial,))
    assert noted.notes == (
        "LSD is undefined for some windows, which are left out of its mean: Model 2 of 7.",
    )


def test_join_names_models_and_keeps_one_set_of_baselines():
    other = scores(tables={"windows": table(1.0)})
    joined = join({"time": scores(), "time + frequency": other})
    assert [row.label for row in joined.windows.rows] == [
        "time",
        "time + frequency",
        "Input as it is",
        "Silence",
        "Best constant gain",
    ]
    assert joined.windows.row("time + frequency").values["snr"].mean == 1.0


@pytest.mark.parametrize(
    ("name", "value"),
    [("corpus_sha256", "cd"), ("split", "validation"), ("sample_rate", 44100), ("window", 512)],
)
def test_join_refuses_scores_of_other_data(name, value):
    with pytest.raises(InputError, match=f"'b' has {name} {value} and 'a' has"):
        join({"a": scores(), "b": scores(**{name: value})})


def test_metric_of_unknown_direction():
    assert Metric("loudness").heading == "loudness"
    assert Metric("loudness").direction == ""


@pytest.mark.parametrize(
    ("value", "text"), [(1.005, "1.00"), (-2.5, "−2.50"), (-0.001, "0.00"), (None, "–")]
)
def test_values_are_printed_with_a_minus_sign(value, text):
    assert signed(value) == text
