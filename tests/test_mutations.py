"""Test that a damaged file either works or raises an InputError.

Each case mutates a good file in many ways and opens it as the commands do. C++ code could crash the
process, so files that it reads are opened in a separate process.
"""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.conftest import write_corpus
from tests.networks import awake
from tests.runs.tiny import TINY
from tfaudiogan import extras
from tfaudiogan.config import Config
from tfaudiogan.errors import InputError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
WORDS = [
    b"null",
    b"-1",
    b"1e999",
    b"NaN",
    b'""',
    b"[]",
    b"{}",
    b"true",
    b"99999999999999999999",
    b"0",
]


def mutate(content: bytes, seed: int) -> bytes:
    """Apply one of several kinds of damage, chosen by the seed."""
    rng = np.random.default_rng(seed)
    size = len(content)
    start, length = int(rng.integers(size)), int(rng.integers(1, 1 + max(1, size // 8)))
    kind = seed % 6
    if kind == 0:
        damaged = bytearray(content)
        for place in rng.integers(size, size=1 + seed % 5):
            damaged[place] = int(rng.integers(256))
        return bytes(damaged)
    if kind == 1:
        return content[:start]
    if kind == 2:
        return content[:start] + content[start + length :]
    if kind == 3:
        return content[:start] + content[start : start + length] + content[start:]
    if kind == 4:
        return content[:start] + rng.bytes(min(length, 64)) + content[start + min(length, 64) :]
    # Replace a value in a text file by another one.
    ends = [place for place in range(size) if content[place : place + 1] in b",:[]{}\n;"]
    if len(ends) < 2:
        return content[start:]
    place = int(rng.integers(len(ends) - 1))
    word = WORDS[int(rng.integers(len(WORDS)))]
    return content[: ends[place] + 1] + word + content[ends[place + 1] :]


def mutate_archive(content: bytes, seed: int) -> bytes:
    """Damage one entry of a valid zip archive, or the archive itself."""
    if seed % 3 == 0:
        return mutate(content, seed)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w") as target:
        names = source.namelist()
        for index, name in enumerate(names):
            entry = source.read(name)
            damaged = index == seed % len(names) and entry
            target.writestr(name, mutate(entry, seed) if damaged else entry)
    return out.getvalue()


def open_all(open_it, path: Path, count: int, change=mutate) -> None:
    """Open many damaged versions of a file, and restore the original at the end."""
    content, wrong, refused = path.read_bytes(), [], 0
    try:
        for seed in range(count):
            path.write_bytes(change(content, seed))
            try:
                open_it(path)
            except InputError as error:
                refused += 1
                if "\n" in str(error):
                    wrong.append(f"{seed}: several lines: {error}")
            except Exception as error:
                wrong.append(f"{seed}: {type(error).__name__}: {str(error)[:200]}")
    finally:
        path.write_bytes(content)
    assert not wrong, "\n".join(wrong[:20])
    assert refused, "nothing was refused"
    open_it(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("mutations")


def test_configurations(folder):
    TINY.save(folder / "config.json")
    open_all(Config.load, folder / "config.json", 1500)


def test_midi(folder):
    from tfaudiogan.making.composer import compose_corpus
    from tfaudiogan.making.midi import Transformation, read_midi
    from tfaudiogan.making.synthesis import sounding_seconds

    compose_corpus(folder / "midi", seconds=4.0, pieces={"train": 1})
    (path,) = (folder / "midi").rglob("*.mid")
    open_all(lambda path: sounding_seconds(Transformation(4).apply(read_midi(path))), path, 600)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_audio(suffix, folder):
    from tfaudiogan.audio.files import read_audio

    path = folder / f"audio.{suffix}"
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (4000, 2))
    soundfile.write(path, noise, 16000)
    open_all(read_audio, path, 400)


def test_manifests_and_what_they_name(folder):
    from tfaudiogan.corpus.reading import Corpus

    corpus = write_corpus(folder / "corpus", seconds=0.3, tracks=(1, 1, 1))

    def read(_):
        found = Corpus.load(corpus.folder)
        for pair in found.pairs:
            found.read(pair)
        assert found.description
        for split in ("train", "validation", "test"):
            found.split(split)

    open_all(read, corpus.folder / "manifest.csv", 600)
    open_all(read, corpus.folder / corpus.pairs[0].input, 200)


def test_run_folders(folder):
    from tfaudiogan.runs.folder import Plan, RunFolder

    run = RunFolder(folder / "run")
    run.path.mkdir()
    TINY.save(run.config)
    facts = {"corpus": "corpora/piano", "corpus_sha256": "ab" * 32, **vars(Plan(6))}
    run.facts.write_text(json.dumps(facts, indent=2))

    def read(_):
        _, facts = run.read()
        run.given_models(run.resume(facts))

    open_all(read, run.facts, 800)


def test_checkpoints(folder):
    import keras

    from tfaudiogan.runs.checkpoint import load_values, read_progress, save_state

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    path = folder / "checkpoint.npz"
    save_state(path, model, {"step": 3, "best": 1.5})

    def read(path):
        progress = read_progress(path)
        assert isinstance(progress["step"], int)
        load_values(path, model)

    open_all(read, path, 300)
    open_all(read, path, 300, mutate_archive)


def test_search_and_experiment_folders(folder):
    from tfaudiogan.runs.identity import settle
    from tuning.records import Record, read_records
    from tuning.settings import Settings, earlier_precision

    made_of = {"base": {"window": 512, "training": {"seed": 1}}, "settings": vars(Settings())}
    path = folder / "search.json"
    settle(path, made_of, "give another --out")

    def read(path):
        earlier_precision(path.parent)
        settle(path, made_of, "give another --out")

    open_all(read, path, 600)
    trial = folder / "trials" / "trial_00"
    curve = [{"step": 3, "score": 1.0, "val_snr": 1.0, "val_lsd": 2.0}]
    Record(0, {"d_max": 1, "learning_rate": 1e-3}, curve=curve).write(trial)

    def read_trials(_):
        for record in read_records(folder):
            assert record.label and record.steps >= 0
            record.best_score(Settings())

    open_all(read_trials, trial / "record.json", 800)


def test_search_spaces(folder):
    from tuning.space import Space, read_narrowing

    path = folder / "space.json"
    path.write_text(json.dumps({"adversarial": False, "lambda_f": [1, 30], "d_max": 2}))
    open_all(lambda path: Space.over(TINY, read_narrowing(path)), path, 500)


def open_models(path: Path, count: int) -> None:
    """Load and run many damaged versions of a model file; called in a separate process."""
    from tfaudiogan.inference.load import load_model

    file = path / "saved_model.pb" if path.is_dir() else path

    def run(_):
        model = load_model(path)
        window = model.metadata.window
        if window > 1 << 20:
            raise InputError(f"a window of {window} samples")
        model(np.zeros((1, window), np.float32))

    open_all(run, file, count, mutate_archive if path.suffix == ".keras" else mutate)


@pytest.fixture(scope="module")
def models(folder):
    """Export a small network in every form; its files have the structure of a large one's."""
    from tfaudiogan.export.saved_model import export_saved_model
    from tfaudiogan.inference.metadata import ModelMetadata, write_metadata
    from tfaudiogan.models import build_generator

    source = folder / "generator.keras"
    awake(build_generator(256, blocks=1, d_max=0, base_filters=8, reduction=4)).save(source)
    write_metadata(source, ModelMetadata(sample_rate=16000, window=256))
    export_saved_model(source, folder / "served")
    if not extras.missing("ai_edge_litert"):
        from tfaudiogan.export.tflite import export_tflite

        export_tflite(source, folder / "generator.tflite")
    return folder


@pytest.mark.parametrize(
    ("name", "count", "packages"),
    [
        ("generator.keras", 48, []),
        ("generator.tflite", 120, ["ai_edge_litert"]),
        ("served/1", 12, []),
        ("model.onnx", 60, ["onnx", "onnxruntime"]),
    ],
)
def test_models(name, count, packages, models):
    if extras.missing(*packages):
        pytest.skip(f"needs {', '.join(packages)}")
    path = models / name
    if path.suffix == ".onnx":
        make_onnx(path)
    code = f"from tests.test_mutations import *; open_models(Path({str(path)!r}), {count})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, f"status {done.returncode}: {done.stderr[-3000:]}"


def make_onnx(path: Path) -> None:
    """Write a network of one convolution without the package that Keras uses for exports."""
    import onnx

    from tfaudiogan.inference.metadata import ModelMetadata, write_metadata

    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    shape = ["batch", 64, 1]
    weight = helper.make_tensor("weight", floats, [1, 1], [0.5])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["window", "weight"], ["output"])],
        "network",
        [helper.make_tensor_value_info("window", floats, shape)],
        [helper.make_tensor_value_info("output", floats, shape)],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    write_metadata(path, ModelMetadata(sample_rate=16000, window=64))
