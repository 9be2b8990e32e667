import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from tests.conftest import without_graphs
from tests.runs.tiny import TINY
from tfaudiogan.config import Config, LossWeights
from tfaudiogan.errors import InputError
from tfaudiogan.runs.train import train
from tuning.records import read_records
from tuning.search import main, run_search
from tuning.settings import Settings

BASE = replace(TINY, weights=LossWeights())


def test_help_needs_no_tensorflow():
    code = (
        "import sys, tuning.search\n"
        "try: tuning.search.main(['--help'])\n"
        "finally: sys.exit(int(any(n in sys.modules for n in ('tensorflow', 'keras', 'scipy'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "lambda_ae" in done.stdout


@pytest.mark.slow
@without_graphs()
def test_the_configuration_that_a_search_finds_trains(corpus, tmp_path):
    (record,) = run_search(
        corpus,
        tmp_path / "found",
        1,
        base=BASE,
        narrowing={"feature": False, "adversarial": False, "d_max": 0},
        settings=Settings(steps=2),
    )
    assert record.steps == 2
    assert not (tmp_path / "found" / "autoencoder.keras").exists()
    config = Config.load(tmp_path / "found" / "best_config.json")
    assert config.optimizer.learning_rate == record.values["learning_rate"]
    assert config.weights.frequency == record.values.get("lambda_f", 0.0)
    run = train(config, corpus, tmp_path / "run", steps=1)
    assert Config.load(run.config) == config


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--tuner", "grid"], "unknown tuner 'grid'"),
        (["--objective", "loss"], "unknown objective 'loss'"),
        (["--steps", "3", "--minutes", "2"], "either --steps or --minutes"),
        (["--minutes", "-1"], "-1 minutes"),
        (["--preset", "huge"], "unknown preset 'huge'"),
        (["--config", "missing.json"], "missing.json"),
        (["--space", "missing.json"], "missing.json"),
        (["--fix", "lambda_x=1"], "unknown parameter 'lambda_x'"),
        (["--range", "lambda_f=3:1"], "ranges from 3 to 1"),
        (["--role", "boss"], "unknown role 'boss'"),
        (["--role", "worker"], "--worker-id is None"),
        (["--role", "worker", "--worker-id", "chief2"], "--worker-id is 'chief2'"),
        (["--role", "chief", "--chief", "8000"], "HOST:PORT"),
        (["--window", "511"], "multiple of"),
    ],
)
def test_bad_usage_exits_with_2_and_one_line(arguments, words, corpus, tmp_path, capsys):
    common = ["--data", str(corpus.folder), "--out", str(tmp_path / "out"), "--preset", "demo"]
    with pytest.raises(SystemExit) as caught:
        main([*common, *arguments])
    error = capsys.readouterr().err.strip()
    assert caught.value.code == 2
    assert words in error
    assert len(error.splitlines()) == 1


def test_ctrl_c_says_how_to_continue(corpus, tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("tuning.search.run_search", interrupted)
    with pytest.raises(SystemExit) as caught:
        main(["--data", str(corpus.folder), "--out", str(tmp_path)])
    assert caught.value.code == 130
    assert "run the same command again" in capsys.readouterr().err


def test_another_corpus_is_refused_and_so_is_a_base_without_a_term_of_its_own(corpus, tmp_path):
    (tmp_path / "search.json").write_text(json.dumps({"data": {"sha256": "0" * 16}}))
    with pytest.raises(InputError, match=r"data\.sha256 \"0{16}\", not"):
        run_search(corpus, tmp_path, 1, base=BASE)
    with pytest.raises(InputError, match="only loss terms that are searched"):
        run_search(corpus, tmp_path, 1, base=replace(BASE, weights=LossWeights(time=0.0)))


@pytest.mark.slow
@pytest.mark.parametrize("tuner", ["random", "bayesian", "hyperband"])
def test_a_search_of_everything_with_each_tuner(tuner, corpus, tmp_path):
    settings = Settings(tuner=tuner, steps=3, autoencoder_steps=2)
    records = run_search(
        corpus,
        tmp_path,
        5,  # The fifth trial of Hyperband continues the best of three.
        base=BASE,
        narrowing={"n_critic": [1, 2]},
        settings=settings,
        include_paper=True,
    )
    assert len(records) == 5
    assert all(record.status in ("completed", "stopped") for record in records)
    assert (tmp_path / "autoencoder.keras").is_file()
    assert (tmp_path / "index.html").is_file()


@pytest.mark.slow
def test_a_trial_uses_its_budget(corpus, tmp_path):
    (record,) = run_search(
        corpus,
        tmp_path,
        1,
        base=BASE,
        narrowing={"feature": False, "adversarial": False},
        settings=Settings(steps=None, minutes=0.25),
    )
    assert len(record.curve) == Settings().rounds
    assert 15 <= record.seconds < 60


@pytest.mark.slow
def test_a_loss_that_is_not_a_number_fails_the_trial(corpus, tmp_path):
    records = run_search(
        corpus,
        tmp_path,
        2,
        base=BASE,
        narrowing={
            "frequency": True,
            "lambda_f": [2e38, 3e38],
            "feature": False,
            "adversarial": False,
            "learning_rate": [1e29, 1e30],
        },
        settings=Settings(steps=4),
    )
    assert {record.status for record in records} == {"failed"}
    assert all("at step" in record.reason for record in records)


def command(corpus, out, *more):
    config = out.parent / "base.json"
    BASE.save(config)
    return [
        *(sys.executable, "-m", "tuning.search", "--data", str(corpus.folder), "--out", str(out)),
        *("--config", str(config), "--steps", "2", "--fix", "adversarial=false"),
        *("--autoencoder-steps", "2", "--no-early-stopping", *more),
    ]


@pytest.mark.slow
def test_a_killed_search_continues(corpus, tmp_path):
    out = tmp_path / "out"
    process = subprocess.Popen(command(corpus, out, "--trials", "3"), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not read_records(out) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = read_records(out)
    assert before
    done = subprocess.run(command(corpus, out, "--trials", "3"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = read_records(out)
    assert len(after) == 3
    assert after[: len(before)] == before
    assert "pretraining" not in done.stderr
    assert f"train   python train.py --data {corpus.folder}" in done.stdout


@pytest.mark.slow
def test_a_chief_and_two_workers_share_a_search(corpus, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    out = tmp_path / "out"
    environment = {n: v for n, v in os.environ.items() if not n.startswith("KERASTUNER")}

    def start(*role):
        arguments = command(corpus, out, "--trials", "6", "--chief", address, "--role", *role)
        arguments.append("--include-paper")
        return subprocess.Popen(
            arguments,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    processes = [
        start("chief"),
        start("worker", "--worker-id", "a"),
        start("worker", "--worker-id", "b"),
    ]
    try:
        outputs = [process.communicate(timeout=600)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0, 0], "\n".join(outputs)
    assert [record.number for record in read_records(out)] == list(range(6))
    assert read_records(out)[0].origin == "paper"
    assert "train   python train.py" in outputs[0]
    shown = [text.count("val_snr") for text in outputs[1:]]
    assert min(shown) > 0, "one worker had nothing to do"


@pytest.mark.parametrize(("options", "expected"), [([], 7), (["--seed", "3"], 3)])
def test_the_seed_is_the_configurations_unless_given(
    options, expected, corpus, tmp_path, monkeypatch
):
    seen = {}
    monkeypatch.setattr(
        "tuning.search.run_search", lambda *_, **given: seen.update(given) or sys.exit(0)
    )
    replace(BASE, training=replace(BASE.training, seed=7)).save(tmp_path / "base.json")
    base = ["--config", str(tmp_path / "base.json"), "--set", "optimizer.ema=0.9"]
    with pytest.raises(SystemExit):
        main(["--data", str(corpus.folder), "--out", str(tmp_path / "out"), *base, *options])
    assert (seen["base"].training.seed, seen["settings"].seed) == (expected, expected)
    assert seen["base"].optimizer.ema == 0.9
