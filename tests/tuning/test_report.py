import json
import re
from types import SimpleNamespace

import pytest

from tests.runs.tiny import TINY
from tests.tuning.conftest import BEST, FAILED
from tfaudiogan.config import Config
from tuning import figures
from tuning.report import command_to_train, print_table, trial_rows, verdict, write_report
from tuning.settings import Settings
from tuning.space import Space, derive

SPACE = Space.over(TINY, {"adversarial": False})


def test_the_table_ranks_trials_and_shows_only_what_mattered(records, settings):
    header, rows = trial_rows(records, settings, SPACE)
    assert header[:4] == ["trial", "val_snr", "val_lsd", "lambda_f"]
    assert rows[0][:3] == [str(BEST + 1), "2.500", "0.750"]
    assert rows[-1][0] == str(FAILED + 1)
    assert rows[-1][-1] == "failed: loss is nan at step 7"
    shown = [float(row[1]) for row in rows[:-1]]
    assert shown == sorted(shown, reverse=True)
    by_trial = {row[0]: row for row in rows}
    assert by_trial["2"][header.index("lambda_f")] == "–"
    assert by_trial["1 (paper)"][header.index("lambda_ae")] == "–"


def test_lsd_ranks_in_the_opposite_order(records):
    settings = Settings(objective="val_lsd", steps=90)
    for record in records:
        for logs in record.curve:
            logs["score"] = logs["val_lsd"]
    _, rows = trial_rows(records, settings, SPACE)
    assert rows[0][:3] == [str(BEST + 1), "0.400", "0.750"]


def test_the_terminal_shows_every_trial(records, settings, capsys):
    print_table(records, settings, SPACE)
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == len(records) + 1
    assert "loss is nan at step 7" in printed


def test_the_verdict_compares_the_best_with_the_paper(records, settings):
    text = verdict(records, settings)
    assert "The best of 12 trials, number 4, reached val_snr 2.500" in text
    assert "The paper's values reached 0.500" in text


def test_the_page_has_the_table_the_figures_and_the_command(records, settings, tmp_path):
    corpus = SimpleNamespace(
        folder=tmp_path / "my corpus", description="3 tracks", checksum="a" * 64
    )
    page = write_report(
        tmp_path / "out",
        records,
        corpus=corpus,
        base=TINY,
        space=SPACE,
        settings=settings,
        command="python -m tuning.search --data x",
    ).read_text()
    assert page.count("<svg") == 2 + len(SPACE.searched)
    config = tmp_path / "out" / "best_config.json"
    assert command_to_train(corpus, config).replace("'", "&#39;") in page
    assert "python -m tuning.search --data x" in page
    assert not re.search(r'(src|href)="https?:', page)
    assert Config.load(config) == derive(TINY, records[BEST].values)
    assert len(json.loads((tmp_path / "out" / "trials.json").read_text())) == len(records)


@pytest.mark.parametrize("keep", [1, 12])
def test_figures_are_drawn_of_few_trials_and_of_many(keep, records, settings):
    few, names = records[:keep], ["frequency", "lambda_f", "feature", "lambda_ae", "d_max"]
    drawn = [figures.objective_over_trials(few, settings)]
    drawn += [figures.objective_by_parameter(few, settings, name) for name in names]
    drawn.append(figures.parallel_coordinates(few, settings, names))
    assert all(b"<svg" in image for image in drawn)
    assert (b"failed" in drawn[0]) == (keep > FAILED)
