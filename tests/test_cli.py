"""Test the commands as a user runs them, with good and bad input."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.conftest import write_corpus
from tests.runs.tiny import TINY
from tfaudiogan.cli import main
from tfaudiogan.errors import InputError
from tfaudiogan.runs import train as training_run

ROOT = Path(__file__).parents[1]


def run(*arguments, capsys=None) -> tuple[int, str, str]:
    """Return the exit status, standard output and standard error of a command."""
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return caught.value.code or 0, out, err


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    """A run of two steps, made by the command."""
    folder = tmp_path_factory.mktemp("cli")
    TINY.save(folder / "tiny.json")
    arguments = ["train", "--data", corpus.folder, "--config", folder / "tiny.json"]
    arguments += ["--loss", "time+log_ratio", "--steps", 2, "--run", folder / "run"]
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    assert not caught.value.code
    return folder / "run"


def test_train_writes_the_run_and_its_report(trained):
    names = {"config.json", "run.json", "history.csv", "checkpoint.npz", "generator.keras"}
    assert names <= {path.name for path in trained.iterdir()}
    assert "<audio" in (trained / "report/index.html").read_text()
    assert json.loads((trained / "config.json").read_text())["weights"]["frequency"] == 0.0


@pytest.mark.parametrize(
    ("task", "flags", "skip"),
    [
        ("superres", [], True),
        ("superres", ["--no-additive-skip"], False),
        ("phone", [], False),
        ("phone", ["--additive-skip"], True),
    ],
)
def test_superres_adds_its_input_unless_told_otherwise(
    task, flags, skip, tmp_path, capsys, monkeypatch
):
    def stop(config, *arguments, **options):
        raise InputError(f"additive skip: {config.generator.additive_skip}")

    monkeypatch.setattr(training_run, "train", stop)
    corpus = write_corpus(tmp_path / task, task=task)
    arguments = ["train", "--data", corpus.folder, "--preset", "demo", "--run", tmp_path / "run"]
    _, _, err = run(*arguments, *flags, capsys=capsys)
    assert f"additive skip: {skip}" in err


@pytest.mark.parametrize(
    ("flags", "replication"),
    # Filters may begin at 0.8 of half the lower rate: bin 68 of 1,024 samples for a ratio of 6.
    [
        ([], 68),
        (["--set", "generator.replication=32"], 32),
        (["--set", "generator.n_fft=2048", "--window", 63 * 1024], 136),
    ],
)
def test_spectral_superres_replicates_what_the_ratio_removes(
    flags, replication, tmp_path, capsys, monkeypatch
):
    def stop(config, *arguments, **options):
        raise InputError(f"replication: {config.generator.replication}")

    monkeypatch.setattr(training_run, "train", stop)
    corpus = write_corpus(tmp_path / "superres", task="superres", seconds=5.0)
    arguments = ["train", "--data", corpus.folder, "--preset", "superres"]
    _, _, err = run(*arguments, "--run", tmp_path / "run", *flags, capsys=capsys)
    assert f"replication: {replication}" in err


def test_evaluate_prints_scores_with_baselines(trained, corpus, capsys, tmp_path):
    status, out, _ = run(
        "evaluate", "--model", trained / "generator.keras", "--data", corpus.folder,
        "--report", tmp_path, "--json", capsys=capsys,
    )  # fmt: skip
    assert status == 0
    labels = {row["label"] for row in json.loads(out)["tables"]["windows"]["rows"]}
    assert {"Input as it is", "Silence", "Best constant gain", "Linear equalizer"} < labels
    assert (tmp_path / "index.html").is_file()


def test_enhance_keeps_length_channels_and_rate(trained, capsys, tmp_path):
    audio = 0.1 * np.random.default_rng(0).normal(size=(12345, 2))
    soundfile.write(tmp_path / "in.flac", audio, 22050)
    status, _, _ = run(
        "enhance", tmp_path / "in.flac", "--model", trained / "generator.keras",
        "--out", tmp_path / "out.wav", capsys=capsys,
    )  # fmt: skip
    assert status == 0
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.frames, info.channels, info.samplerate) == (12345, 2, 22050)


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """A folder of damaged and unsuitable files."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "empty").mkdir()
    (folder / "midi").mkdir()
    (folder / "midi/broken.mid").write_bytes(b"MThd nonsense")
    (folder / "text.keras").write_text("not a model")
    rng = np.random.default_rng(0)
    soundfile.write(folder / "good.wav", 0.1 * rng.normal(size=16000), 16000)
    content = (folder / "good.wav").read_bytes()
    (folder / "truncated.wav").write_bytes(content[: len(content) // 2])
    rateless = bytearray(content)
    rateless[24:28] = bytes(4)
    (folder / "rate0.wav").write_bytes(rateless)
    samples = 0.1 * rng.normal(size=16000)
    samples[5000] = np.nan
    soundfile.write(folder / "nan.wav", samples, 16000, "FLOAT")
    (folder / "corpus").mkdir()
    (folder / "corpus/manifest.csv").write_text("name,split\na,train\n")
    write_corpus(folder / "slow", sample_rate=8000)
    return folder


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "Usage"),
        ("fly", "No such command"),
        ("render --midi {bad}/none --out {tmp}", "none"),
        ("render --midi {bad}/empty --out {tmp}", "empty"),
        ("render --midi {bad}/midi --out {tmp}", "broken"),
        ("render --midi {bad}/midi --out {tmp} --sample-rate 0", "0"),
        ("render --midi {bad}/midi --out {tmp} --task sing", "'sing'"),
        ("render --midi {bad}/midi --out {tmp} --tracks few", "'few'"),
        ("render --midi {bad}/midi --out {tmp} --tracks dev=3", "dev"),
        ("render --midi {bad}/midi --out {tmp} --tracks 0", "0; expected 1 or more"),
        ("render --midi {bad}/midi --out {bad}/good.wav", "good.wav: file exists"),
        ("render --out {tmp}", "--midi"),
        ("convert {bad}/none --out {tmp}/a --format flac", "manifest.csv"),
        ("convert {corpus} --out {tmp}/a --format aac", "aac"),
        ("render --midi {bad}/midi --out {tmp} --input-program 200", "200"),
        ("render --midi {bad}/midi --out {tmp} --input-control 64=x", "64=x"),
        ("experiment table1 --data {corpus} --out {tmp} --preset huge", "'huge'"),
        ("experiment table1 --data {corpus} --out {tmp} --preset demo --only tim", "--only tim"),
        ("experiment table1 --data {corpus} --out {tmp} --row long.json", "expected NAME=FILE"),
        ("experiment table1 --data {corpus} --out {tmp} --row a={bad}/none.json:5", "none.json"),
        ("experiment table1 --data {corpus} --out {tmp} --row a={bad}/text.keras", "not JSON"),
        ("experiment figure6 --data {bad}/none --out {tmp}", "manifest.csv"),
        ("train --data {bad}/none", "manifest.csv"),
        ("train --data {bad}/corpus", "line 2"),
        ("train --data memory://none/piano", "no complete corpus at memory://none/piano"),
        ("evaluate --model {model} --data memory://none", "no complete corpus at memory://none"),
        (
            "experiment figure6 --data memory://none --out {tmp}",
            "no complete corpus at memory://none",
        ),
        ("train --data {corpus} --preset huge", "'huge'"),
        ("train --data {corpus} --loss phase", "'phase'"),
        ("train --data {corpus} --config {bad}/text.keras", "not JSON"),
        ("train --data {corpus} --config {bad}/none.json", "none.json: no such file"),
        ("train --data {corpus} --steps 0", "--steps"),
        ("train --data {corpus} --resume", "--run"),
        ("train --data {corpus} --preset demo --window 100000", "100000|window"),
        ("evaluate --model {bad}/text.keras --data {corpus}", "text.keras"),
        ("evaluate --model {bad}/none.keras --data {corpus}", "none.keras"),
        ("evaluate --model {model} --data {corpus} --split dev", "'dev'"),
        ("evaluate --model {model} --data {corpus} --train-data {bad}/slow", "8000"),
        ("evaluate --model {model} --data {bad}/slow", "8000"),
        ("enhance {bad}/none.wav --model {model} --out {tmp}/a.wav", "none.wav"),
        ("enhance {bad}/truncated.wav --model {model} --out {tmp}/a.wav", "truncated.wav"),
        ("enhance {bad}/rate0.wav --model {model} --out {tmp}/a.wav", "rate0.wav"),
        ("enhance {bad}/nan.wav --model {model} --out {tmp}/a.wav", "nan.wav"),
        ("enhance {bad}/text.keras --model {model} --out {tmp}/a.wav", "text.keras"),
        ("enhance {bad}/good.wav --model {bad}/text.keras --out {tmp}/a.wav", "text.keras"),
        ("enhance {bad}/good.wav --model {model} --out /proc/none/a.wav", "/proc/none"),
        ("enhance {bad}/good.wav --model {model} --out {tmp}/a.docx", "docx"),
        ("enhance {bad}/good.wav --model {model} --out /dev/full/a.wav", "/dev/full"),
        ("export --model {model} --format stone --out {tmp}/a", "'stone'"),
        ("export --model {model} --format tflite --quantization int8 --out {tmp}/a.tflite", "int8"),
        ("export --model {model} --format tflite --out {bad}/good.wav", "exists; replace with"),
        ("convert-weights {bad}/text.keras --out {bad}/good.wav", "exists; replace with"),
        ("pairs --input {bad}/empty --target {bad}/empty --out {tmp}", "empty"),
        (
            "export --model {model} --quantization float16 --out {tmp}/a",
            "only with --format tflite",
        ),
        ("export --model piano-large --out {tmp}/a", "no model piano-large"),
        ("evaluate --model {model} --data {corpus} --report {bad}/good.wav", "which is a file"),
        ("degrade {bad}/none.wav {tmp}/a.wav", "none.wav"),
        ("degrade {bad}/good.wav {tmp}/a.wav --preset tin", "'tin'"),
        ("degrade {bad}/good.wav {bad}/good.wav", "exists; replace with --overwrite"),
        ("degrade {bad}/good.wav {bad}/good.wav --overwrite", "is the recording itself"),
    ],
)
def test_bad_input_gives_one_line_and_status_2(
    arguments, words, bad, corpus, trained, capsys, tmp_path
):
    places = {"bad": bad, "tmp": tmp_path / "out", "corpus": corpus.folder}
    filled = arguments.format(**places, model=trained / "generator.keras").split()
    status, out, err = run(*filled, capsys=capsys)
    assert status == 2
    err = err or out
    assert re.search(words, err), err
    assert "Traceback" not in err
    if "error:" in err:
        assert len(err.split("error:")[-1].strip().splitlines()) == 1
    assert not list(tmp_path.rglob("*.partial*"))


def test_a_recording_is_never_overwritten_by_its_own_output(bad, trained, capsys):
    before = (bad / "good.wav").read_bytes()
    status, _, err = run(
        "enhance", bad / "good.wav", "--model", trained / "generator.keras",
        "--out", bad / "good.wav", capsys=capsys,
    )  # fmt: skip
    assert (status, (bad / "good.wav").read_bytes()) == (2, before)
    assert "good.wav" in err


def test_debug_shows_the_traceback(capsys):
    with pytest.raises(Exception, match="manifest"):
        main(["train", "--data", "/nowhere", "--debug"])


@pytest.mark.parametrize(
    "command",
    [
        *(
            "",
            "render",
            "pairs",
            "convert",
            "degrade",
            "train",
            "experiment table1",
            "experiment figure6",
        ),
        *("evaluate", "enhance", "export", "benchmark"),
    ],
)
def test_every_command_has_help_with_an_example(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    status, out, _ = run(*command.split(), "--help", capsys=capsys)
    assert status == 0
    assert not re.search(r"\w\.\.\.$", out, re.MULTILINE)
    assert not command or re.search(r"^  Examples?:$", out, re.MULTILINE)
    assert max(map(len, out.splitlines())) <= 80


def test_a_degradation_lists_its_stages(bad, capsys, tmp_path):
    status, out, _ = run("degrade", bad / "good.wav", tmp_path / "phone.wav", capsys=capsys)
    assert status == 0
    first, *stages = out.strip().splitlines()
    assert first == f"{tmp_path / 'phone.wav'}: mono, {len(stages)} degradations"
    assert stages
    assert all(re.match(r"  [a-z_]+: [a-z_]+ ", stage) for stage in stages)


def test_train_py_is_the_train_command():
    done = subprocess.run(
        [sys.executable, ROOT / "train.py", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "tfaudiogan train" in done.stdout
