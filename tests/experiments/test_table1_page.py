import numpy as np
import pytest

from tests.experiments.conftest import TINY, with_modern
from tfaudiogan.experiments.table1_page import beside_published, curves_of_runs
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


def test_measured_figures_stand_beside_the_papers(table):
    header, rows = beside_published(*table, minutes={"L_time": 12.34})
    assert len(header) == 7
    assert {tuple(row[1:4]) for row in rows} == {("1.23 ± 0.50",) * 3}
    assert [row[4:6] for row in rows] == [
        ["2.63 ± 5.21", "1.65 ± 0.18"],
        ["1.59 ± 4.90", "2.28 ± 0.18"],
        ["1.75 ± 5.21", "2.21 ± 0.22"],
        ["−0.50 ± 5.42", "2.46 ± 0.14"],
        ["–", "–"],
        ["−4.70 ± 3.23", "–"],
        ["–", "–"],
    ]
    assert [row[6] for row in rows] == ["12.3", *["–"] * 6]


@pytest.mark.parametrize("written", [terminal_table, markdown_table])
def test_the_whole_table_is_written(written, table):
    header, rows = beside_published(*table)
    text = written(header, rows, "A caption.")
    assert "A caption." in text
    assert all(cell in text for row in rows for cell in row)


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
