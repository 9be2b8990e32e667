import dataclasses

import numpy as np
import pytest

from tests.experiments.conftest import TINY, with_modern
from tfaudiogan.experiments.table1_page import (
    apart,
    beside_published,
    curves_of_runs,
    learning_curves,
    training_table,
)
from tfaudiogan.experiments.variants import table1_variants
from tfaudiogan.reporting.history import read_history
from tfaudiogan.reporting.tables import METRICS, Row, Statistic, Table
from tfaudiogan.reporting.text import markdown_table, terminal_table


@pytest.fixture
def table(monkeypatch) -> tuple[Table, tuple]:
    with_modern(monkeypatch)
    variants = table1_variants(TINY)
    names = [(row.label, row.label, "model") for row in variants]
    names += [("identity", "Input as it is", "baseline"), ("silence", "Silence", "baseline")]
    metrics = {name: METRICS[name] for name in ("snr", "lsd", "multi_resolution_distance")}
    values = dict.fromkeys(metrics, Statistic(1.234, 0.5, 9))
    rows = tuple(Row(*name, values) for name in names)
    return Table("windows", 9, 0, None, metrics, rows), variants


def test_measured_scores_are_next_to_the_papers(table):
    header, rows = beside_published(*table)
    assert [heading.partition("\n")[0] for heading in header] == [
        "Loss",
        "SNR (dB)",
        "SNR gain (dB)",
        "LSD (bel)",
        "Multi-resolution distance (dB)",
        "SNR (dB)",
        "LSD (bel)",
    ]
    assert {row[3] for row in rows} == {"1.23 ± 0.50"}
    assert [row[5:] for row in rows] == [
        ["2.63 ± 5.21", "1.65 ± 0.18"],
        ["1.59 ± 4.90", "2.28 ± 0.18"],
        ["1.75 ± 5.21", "2.21 ± 0.22"],
        ["−0.50 ± 5.42", "2.46 ± 0.14"],
        ["–", "–"],
        ["–", "–"],
        ["−4.70 ± 3.23", "–"],
        ["–", "–"],
    ]


def test_the_gain_is_over_the_input(table):
    scored, variants = table
    quiet = {**scored.row("identity").values, "snr": Statistic(-4.41, 2.57, 9)}
    rows = tuple(
        dataclasses.replace(row, values=quiet) if row.name == "identity" else row
        for row in scored.rows
    )
    _, cells = beside_published(dataclasses.replace(scored, rows=rows), variants)
    assert [row[2] for row in cells] == [*["5.64"] * 6, "–", "5.64"]


def test_what_is_measured_and_what_is_published_fit_a_terminal_apart(table):
    measured, compared = apart(*beside_published(*table))
    assert [heading.partition("\n")[0] for heading in compared[0]] == [
        "Loss",
        *("SNR (dB)", "SNR (dB)"),
        *("LSD (bel)", "LSD (bel)"),
    ]
    assert compared[1][0] == ["L_time", "1.23 ± 0.50", "2.63 ± 5.21", "1.23 ± 0.50", "1.65 ± 0.18"]
    assert not any("paper" in heading for heading in measured[0])
    assert measured[1][0] == ["L_time", "1.23 ± 0.50", "0.00", "1.23 ± 0.50", "1.23 ± 0.50"]
    assert max(map(len, terminal_table(*measured, "").splitlines())) <= 120


def test_the_training_table_states_critic_window_and_precision(table):
    _, variants = table
    made = {"updates": 3000, "kept_at_update": 1500, "precision": "float32", "minutes": 12.34}
    header, rows = training_table(variants, {row.label: made for row in variants}, 16000)
    assert {len(row) for row in rows} == {len(header)}
    assert [row[1] for row in rows] == ["–", "–", "–", "1", "1", "–"]
    assert rows[0][2:] == ["512 samples, 32 ms", "3,000", "1,500", "float32", "12.3"]


@pytest.mark.parametrize("written", [terminal_table, markdown_table])
def test_the_whole_table_is_written(written, table):
    header, rows = beside_published(*table)
    text = written(header, rows, "A caption.")
    assert "A caption." in text
    assert all(cell in text for row in rows for cell in row[1:])
    assert all(word in text for row in rows for word in row[0].split())


def test_markdown_rows_have_a_cell_for_each_heading(table):
    header, rows = beside_published(*table)
    lines = markdown_table(header, rows, "").splitlines()
    assert [line.count("|") for line in lines[: len(rows) + 2]] == [len(header) + 1] * (
        len(rows) + 2
    )


def test_curves_leave_out_runs_without_the_log(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,step,loss,feature\n0,5,0.4,0.2\n1,10,0.001,\n")
    first, second = read_history(path), {"step": np.array([5.0]), "loss": np.array([1.0])}
    runs = {"one": first, "two": second}
    picture = curves_of_runs(runs, "loss", "Loss", {"level": 0.5}).decode()
    assert all(word in picture for word in ("one", "two", "level", "Loss"))
    assert "two" not in curves_of_runs(runs, "feature", "Feature").decode()


def test_the_learning_curves_have_one_legend_for_both_metrics():
    step = np.array([5.0, 10.0, 15.0])
    both = {"step": step, "val_snr": step / 5, "val_lsd": 3 - step / 15}
    runs = {f"row {number}": both for number in range(7)}
    picture = learning_curves(runs, {"best gain": 0.5}).decode()
    assert all(picture.count(f">row {number}<") == 1 for number in range(7))
    assert all(word in picture for word in ("SNR (dB)", "LSD (bel)", "best gain"))
    assert "LSD" not in learning_curves({"one": {"step": step, "val_snr": step}}).decode()
