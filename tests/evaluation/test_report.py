import dataclasses

import numpy as np
import pytest

from tests.evaluation.conftest import WINDOW
from tests.reporting.pages import Outline
from tfaudiogan.errors import InputError
from tfaudiogan.evaluation import report
from tfaudiogan.evaluation.examples import Example, make_examples
from tfaudiogan.evaluation.scores import score
from tfaudiogan.reporting.tables import Scores


def half(x: np.ndarray) -> np.ndarray:
    return np.float32(0.5) * x


@pytest.fixture(scope="module")
def scores(duo) -> Scores:
    return score(half, duo, "test", WINDOW)


def test_report_of_a_run(duo, scores, tmp_path):
    history = tmp_path / "history.csv"
    history.write_text(
        "epoch,step,loss,snr,lsd,val_loss,val_snr,val_lsd,seconds\n"
        "0,5,0.5,0.1,2.0,0.6,0.0,2.1,3\n1,10,0.4,0.3,1.9,0.5,0.2,2.0,3\n"
    )
    path = report.write_report(
        tmp_path / "report",
        title="Piano",
        scores=scores,
        history=history,
        examples=make_examples(half, duo, "test", 1, 0.3, WINDOW),
        config={"window": WINDOW},
        facts={"steps": 10, "versions": {"keras": "3.15"}},
        commands={"Enhance a recording": "tfaudiogan enhance IN.wav --model M --out OUT.wav"},
    )
    assert path == tmp_path / "report" / "index.html"
    outline = Outline(path.read_text(encoding="utf-8"))
    sections = [attributes.get("id") for attributes in outline.all("h2")]
    assert sections == ["result", "listen", "training", "use-it", "how-it-was-made"]
    assert len(outline.all("audio")) == 3
    # The distributions of both metrics, three figures of the excerpt, and three training curves.
    assert len(outline.all("svg")) == 2 + 3 + 3
    words = " ".join(outline.words)
    snr = scores.windows.row("model").values["snr"]
    for expected in (
        f"{snr.mean:.2f} ± {snr.std:.2f}".replace("-", "−"),
        "the best constant gain",
        "tfaudiogan enhance IN.wav",
        "1,024 samples, 128 ms",
        "8,000 Hz",
        "keras 3.15",
        '"window": 1024',
        duo.checksum[:16],
    ):
        assert expected in words
    stored = Scores.from_json((path.parent / "scores.json").read_text(encoding="utf-8"))
    assert stored == scores


def test_report_of_stored_scores_alone(scores, tmp_path):
    stored = Scores.from_json(scores.to_json())
    outline = Outline(report.write_report(tmp_path, title="Piano", scores=stored).read_text())
    assert [h["id"] for h in outline.all("h2")] == ["result", "how-it-was-made"]
    assert not outline.all("svg")


def test_damaged_history_writes_nothing(scores, tmp_path):
    with pytest.raises(InputError, match="cannot read the history"):
        report.write_report(tmp_path / "r", title="x", scores=scores, history=tmp_path / "none")
    assert not (tmp_path / "r").exists()


def test_metrics_by_any_name(scores, tmp_path):
    def only_loudness(table):
        rows = tuple(
            dataclasses.replace(r, values={"loudness": r.values["lsd"]}, samples={})
            for r in table.rows
        )
        metrics = {"loudness": dataclasses.replace(table.metrics["lsd"], label="Loudness")}
        return dataclasses.replace(table, metrics=metrics, rows=rows)

    tables = {over: only_loudness(table) for over, table in scores.tables.items()}
    other = dataclasses.replace(scores, tables=tables)
    html = report.write_report(tmp_path, title="Piano", scores=other).read_text()
    assert "Loudness (bel)" in html
    assert "SNR (dB)" not in html


def test_sound_on_one_page_is_bounded(monkeypatch):
    monkeypatch.setattr(report, "AUDIO_SECONDS", 5.0)
    audio = np.zeros(8000, np.float32)
    signals = {"input": audio, "target": audio, "generated": audio}
    page = report.Page("Long")
    report.add_examples(page.section("Listen"), [Example("a", 61.0, 8000, signals)] * 3)
    html = page.html()
    assert html.count("<audio") == 3
    assert "1 of 3 excerpts are shown" in html
    assert "a, from 1:01" in html


def test_versions_name_what_is_installed():
    found = report.versions()
    assert list(found)[:3] == ["tfaudiogan", "Python", "Keras"]
    assert found["NumPy"] == np.__version__
