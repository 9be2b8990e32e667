"""Test ``tfaudiogan train`` and its run folder as a user runs the command."""

import json
import shutil
from dataclasses import replace

import keras
import pytest

from tests.conftest import write_corpus
from tests.runs.tiny import TINY, SignalAt, assert_same_values, rows
from tfaudiogan.cli import main
from tfaudiogan.config import Config, LossWeights
from tfaudiogan.evaluation import run_report
from tfaudiogan.inference.metadata import read_metadata
from tfaudiogan.runs import train as training
from tfaudiogan.runs.folder import RunFolder

pytestmark = pytest.mark.usefixtures("eagerly")
SMALL = replace(TINY, weights=LossWeights(log_ratio=0.1))


def call(*arguments) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["train", *map(str, arguments)])
    return caught.value.code or 0


class NoScores:
    def to_text(self) -> str:
        return "not scored"


@pytest.fixture(scope="module", autouse=True)
def unreported():
    """Skip the scores and the report, which take most of the time and have their own tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_report, "report_run", lambda *_: NoScores())
        yield


REPORT = run_report.report_run


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "small.json"
    SMALL.save(path)
    return path


def interrupt(patch, step: int) -> None:
    """Stop the next run at a step, as Ctrl-C does."""
    train = training.train

    def interrupted(*arguments, callbacks=(), **options):
        return train(*arguments, callbacks=[*callbacks, SignalAt(step)], **options)

    patch.setattr(training, "train", interrupted)


@pytest.fixture(scope="module")
def stopped(corpus, config, tmp_path_factory):
    """A run of 6 steps with a custom loss, stopped at step 2."""
    run = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.MonkeyPatch.context() as patch:
        interrupt(patch, 2)
        status = call(
            "--data", corpus.folder, "--config", config, "--loss", "time+log_ratio",
            "--monitor", "val_lsd", "--licence", "CC0-1.0", "--run", run,
        )  # fmt: skip
    assert status == 130
    return run


@pytest.fixture
def run(stopped, tmp_path):
    shutil.copytree(stopped, tmp_path / "run")
    return tmp_path / "run"


def test_a_run_is_resumed_with_only_its_folder(run, capsys):
    before = json.loads((run / "run.json").read_text())
    assert call("--run", run, "--resume") == 0, capsys.readouterr().err
    folder = RunFolder(run)
    assert Config.load(folder.config).weights.active() == {"time": 1.0, "log_ratio": 0.1}
    assert [row["step"] for row in rows(folder)] == ["3", "6"]
    after = json.loads(folder.facts.read_text())
    assert {**after, "versions": 0} == {**before, "versions": 0}
    assert after["monitor"] == "val_lsd"
    assert read_metadata(folder.generator).licence == "CC0-1.0"


def test_the_command_that_began_a_run_resumes_it(run, corpus, config, capsys):
    status = call(
        "--data", corpus.folder, "--config", config, "--loss", "time+log_ratio",
        "--monitor", "val_lsd", "--precision", "auto", "--run", run, "--resume",
    )  # fmt: skip
    assert status == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--loss time", "made with weights.log_ratio 0.1, not 0.0"),
        ("--steps 12", "made with steps 6, over which its learning rate falls to zero"),
        ("--epochs 4", "made with training.epochs 2, not 4"),
        ("--monitor val_snr", 'made with monitor "val_lsd", not "val_snr"'),
        ("--preset paper --batch 8", "made with training.batch 4, not 8"),
        ("--preset demo", 'made with preset "paper", not "demo"'),
        ("--set optimizer.ema=0.9", "made with optimizer.ema 0.5, not 0.9"),
        ("--licence MIT", 'made with licence "CC0-1.0", not "MIT"'),
        ("--warm-start {run}/generator.keras", "made with warm_start_sha256 null, not"),
        ("--autoencoder {run}/generator.keras", "made with autoencoder_sha256 null, not"),
        ("--precision mixed_bfloat16", 'precision "float32", not "mixed_bfloat16"'),
        ("--data {other}", "was trained on"),
        ("--overwrite", "give only one"),
    ],
)
def test_an_option_that_contradicts_the_run_is_refused_with_both_values(
    options, words, run, trained, tmp_path, capsys
):
    other = tmp_path / "other"
    if "{other}" in options:
        write_corpus(other, seconds=0.5)
    shutil.copy(trained / "generator.keras", run / "generator.keras")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert call("--run", run, "--resume", *options.format(run=run, other=other).split()) == 2
    error = capsys.readouterr().err
    assert words in error and len(error.strip().splitlines()) == 1
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_mistyped_run_is_not_trained_from_scratch(corpus, config, tmp_path, capsys):
    options = ("--data", corpus.folder, "--config", config, "--run", tmp_path / "rnu", "--resume")
    assert call(*options) == 2
    assert "holds no run to resume" in capsys.readouterr().err
    assert not (tmp_path / "rnu").exists()


@pytest.fixture(scope="module")
def trained(corpus, config, tmp_path_factory):
    """A finished run with the feature loss and its own autoencoder."""
    run = tmp_path_factory.mktemp("trained") / "run"
    options = ["--loss", "time+feature", "--autoencoder-steps", 2, "--steps", 2]
    assert call("--data", corpus.folder, "--config", config, "--run", run, *options) == 0
    return run


def test_overwriting_leaves_nothing_of_the_old_run(trained, config, tmp_path, monkeypatch):
    run = shutil.copytree(trained, tmp_path / "run")
    old = (run / "autoencoder.keras").read_bytes()
    other = write_corpus(tmp_path / "other", seconds=0.7)
    seen = {}

    def pretrain(config, corpus, path, *arguments, **options):
        seen["left"] = {file.name for file in run.iterdir()}
        return train_autoencoder(config, corpus, path, *arguments, **options)

    train_autoencoder = training.train_autoencoder
    monkeypatch.setattr(training, "train_autoencoder", pretrain)
    options = ["--loss", "time+feature", "--autoencoder-steps", 2, "--steps", 2, "--overwrite"]
    assert call("--data", other.folder, "--config", config, "--run", run, *options) == 0
    assert seen["left"] == {"config.json", "run.json"}
    assert (run / "autoencoder.keras").read_bytes() != old


def test_a_run_killed_before_its_first_save_begins_again(trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    for name in ("checkpoint.npz", "generator.keras", "history.csv"):
        (run / name).unlink()
    assert call("--run", run, "--resume") == 0
    assert_same_values(RunFolder(run), RunFolder(trained))


def test_the_inputs_of_a_run_are_kept_in_its_folder(trained, corpus, config, tmp_path, monkeypatch):
    run = tmp_path / "run"
    given = shutil.copytree(trained, tmp_path / "given")
    options = ["--loss", "time+feature", "--autoencoder", given / "autoencoder.keras"]
    options += ["--warm-start", given / "generator.keras", "--steps", 2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_fit", lambda *_: 1 / 0)
        assert call("--data", corpus.folder, "--config", config, "--run", run, *options) == 1
    shutil.rmtree(given)
    assert call("--run", run, "--resume") == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--monitor val_srn", "cannot monitor 'val_srn'"),
        ("--monitor val_lsd --window 256", "cannot monitor 'val_lsd'"),
        ("--loss time+frequency --window 256", "the loss term frequency needs 512 or more"),
        ("--loss multi_resolution --window 128", "multi_resolution needs 256 or more"),
        ("--set optimizer.ema=5.0", "ema is 5.0"),
        ("--set optimizer.ema=high", "optimizer.ema is 'high'; expected float"),
        ("--set adversarial.ncritic=3", "did you mean adversarial.n_critic?"),
        ("--set training.batch=2.5", "training.batch is '2.5'; expected int"),
        ("--set generator.base_filters=12", "multiple of 8"),
        ("--set window=510 --set generator.blocks=2", "multiple of 4"),
        ("--set optimizer.schedule=never", "'never'"),
        ("--penalty-at middle", "'middle'"),
        ("--precision mixed_float16", "mixed_float16"),
        ("--preset demo", "--preset is 'demo' and"),
        ("--data {untested}", "'test'"),
        ("--data {unvalidated}", "'validation'"),
        ("--warm-start {small}/generator.keras", "cannot start from"),
        ("--warm-start {slow}/generator.keras", "8000 Hz"),
        ("--warm-start {small}/none.keras", "none.keras"),
        ("--loss time+feature --autoencoder {small}/generator.keras", "not an autoencoder"),
        ("--loss time+feature --autoencoder {small}/autoencoder.keras", "1024 samples"),
        ("--loss time+feature --autoencoder {slow}/autoencoder.keras", "8000 Hz"),
        ("--loss time+feature --warm-start {small}/generator.keras", "cannot start from"),
    ],
)
def test_an_impossible_run_is_refused_before_training(
    options, words, places, corpus, config, tmp_path, monkeypatch, capsys
):
    def fit(*_, **__):
        raise AssertionError("trained")

    monkeypatch.setattr(keras.Model, "fit", fit)
    run = tmp_path / "run"
    common = ["--data", corpus.folder, "--config", config, "--run", run]
    assert call(*common, *options.format(**places).split()) == 2
    error = capsys.readouterr().err
    assert words in error and len(error.strip().splitlines()) == 1
    assert not run.exists()


@pytest.fixture(scope="module")
def places(trained, tmp_path_factory):
    """Corpora and models that do not match the run."""
    folder = tmp_path_factory.mktemp("places")
    write_corpus(folder / "untested", tracks=(2, 1, 0))
    write_corpus(folder / "unvalidated", tracks=(2, 0, 1))
    for name, rate, changes in (
        ("slow", 8000, {}),
        ("small", 16000, {"window": 1024, "generator": replace(SMALL.generator, base_filters=16)}),
    ):
        other = write_corpus(folder / f"{name}-corpus", sample_rate=rate)
        options = {"steps": 1, "autoencoder_steps": 1}
        weights = LossWeights(time=1.0, feature=0.1)
        training.train(replace(SMALL, weights=weights, **changes), other, folder / name, **options)
    names = ("untested", "unvalidated", "slow", "small")
    return {name: folder / name for name in names}


@pytest.mark.slow
@pytest.mark.parametrize("window", [256, 64])
def test_windows_too_short_for_a_spectrum_train(window, corpus, config, tmp_path, monkeypatch):
    monkeypatch.setattr(run_report, "report_run", REPORT)
    options = ["--window", window, "--steps", 2, "--run", tmp_path]
    assert call("--data", corpus.folder, "--config", config, *options) == 0
    assert "val_lsd" not in rows(RunFolder(tmp_path))[-1]
    assert (tmp_path / "report/index.html").is_file()


@pytest.mark.slow
def test_every_field_can_be_set(corpus, config, tmp_path):
    options = ["--set", "generator.reduction=2", "--set", "optimizer.clip_norm=1", "--steps", 1]
    options += ["--set", "training.validation_windows=4", "--set", "adversarial.weight_clip=none"]
    assert call("--data", corpus.folder, "--config", config, "--run", tmp_path, *options) == 0
    found = Config.load(tmp_path / "config.json")
    assert (found.generator.reduction, found.optimizer.clip_norm) == (2, 1.0)
    assert found.training.validation_windows == 4


@pytest.mark.slow
def test_bfloat16_trains_and_leaves_a_generator_in_float32(corpus, config, tmp_path, capsys):
    options = ["--precision", "mixed_bfloat16", "--loss", "time=1+adversarial=1e-3", "--steps", 4]
    with pytest.MonkeyPatch.context() as patch:
        interrupt(patch, 2)
        folder = ["--data", corpus.folder, "--config", config, "--run", tmp_path]
        assert call(*folder, *options) == 130
    assert call("--run", tmp_path, "--resume") == 0, capsys.readouterr().err
    run = RunFolder(tmp_path)
    assert Config.load(run.config).training.precision == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == "float32"
    generator = keras.saving.load_model(run.generator)
    assert {layer.compute_dtype for layer in generator._flatten_layers()} == {"float32"}
    whole = tmp_path / "whole"
    common = ["--data", corpus.folder, "--config", config, "--run", whole]
    assert call(*common, *options) == 0
    assert_same_values(run, RunFolder(whole))
