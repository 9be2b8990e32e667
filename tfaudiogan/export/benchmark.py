"""How fast, large and exact each exported form of a model is, on this machine."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfaudiogan.errors import InputError
from tfaudiogan.export.onnx import export_onnx
from tfaudiogan.export.quantization import calibration_windows
from tfaudiogan.export.saved_model import export_saved_model
from tfaudiogan.export.tflite import QUANTIZATIONS, export_tflite
from tfaudiogan.extras import missing
from tfaudiogan.inference.load import WINDOWS_AT_ONCE, WindowModel, load_model
from tfaudiogan.inference.metadata import read_metadata

if TYPE_CHECKING:
    import rich.table

SECONDS = 3.0
LEAST_RUNS = 5


@dataclass(frozen=True)
class Measurement:
    """One form of a model with some number of threads.

    Attributes:
        form: ``"keras"``, ``"saved_model"``, ``"tflite float16"``, ``"onnx"`` …
        threads: of the processor.
        size_mb: of the file or folder, in 10^6 bytes.
        window_ms: median time for one window alone, as in a live stream, in milliseconds.
        real_time: seconds of audio, of as many channels as the model links, enhanced a second, up
            to ``WINDOWS_AT_ONCE`` windows at a time, as in ``enhance``; windows overlap by half.
        peak_mb: most memory of the process that ran it, with its runtime, in 10^6 bytes.
        error_db: level of the difference from the Keras model's output, below that output.
    """

    form: str
    threads: int
    size_mb: float
    window_ms: float
    real_time: float
    peak_mb: float
    error_db: float


def export_variants(model_path: Path | str, folder: Path | str) -> dict[str, Path]:
    """Export a ``.keras`` model to every form into a folder; the paths by form, itself first."""
    model_path, folder = Path(model_path), Path(folder)
    variants = {
        "keras": model_path,
        "saved_model": export_saved_model(model_path, folder / "served"),
    }
    for name in QUANTIZATIONS:
        variants[f"tflite {name}"] = export_tflite(model_path, folder / f"{name}.tflite", name)
    if not missing("tf2onnx", "onnx", "onnxruntime"):
        variants["onnx"] = export_onnx(model_path, folder / "model.onnx")
    return variants


def benchmark(
    model_path: Path | str, threads: Iterable[int] | None = None, seconds: float = SECONDS
) -> Iterator[Measurement]:
    """Export a model to every form and measure each, in a process of its own.

    Args:
        model_path: a ``.keras`` file with metadata.
        threads: numbers of threads to run with; one, and all, unless given.
        seconds: to measure for, at least, each time.

    Yields:
        A measurement for each form and number of threads, as soon as it is there. ONNX is left out
        where the extra ``onnx`` is not installed.

    Raises:
        InputError: when the model cannot be loaded.
    """
    threads = sorted({1, os.cpu_count() or 1}) if threads is None else list(threads)
    with tempfile.TemporaryDirectory() as folder:
        expected = None
        for form, path in export_variants(model_path, folder).items():
            for count in threads:
                figures, output = _measured(path, count, seconds, Path(folder) / "output.npy")
                expected = output if expected is None else expected
                error = float(np.mean(np.square(output - expected)))
                signal = float(np.mean(np.square(expected)))
                yield Measurement(
                    form=form,
                    threads=count,
                    size_mb=_size(path) / 1e6,
                    error_db=10 * np.log10(signal / error) if error and signal else float("inf"),
                    **figures,
                )


def table(measurements: Iterable[Measurement]) -> "rich.table.Table":
    """The measurements to print."""
    from rich.table import Table

    printed = Table("form", box=None)
    for heading in ("threads", "MB", "ms a window", "x real time", "peak MB", "error dB"):
        printed.add_column(heading, justify="right")
    for m in measurements:
        printed.add_row(
            m.form,
            str(m.threads),
            f"{m.size_mb:.2f}",
            f"{m.window_ms:.1f}",
            f"{m.real_time:.1f}",
            f"{m.peak_mb:.0f}",
            f"{-m.error_db:.0f}",
        )
    return printed


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _measured(
    path: Path, threads: int, seconds: float, output: Path
) -> tuple[dict[str, float], np.ndarray]:
    """Figures and output of a form, from a fresh process: its memory, its runtime's threads."""
    command = [sys.executable, "-m", __name__, str(path), str(threads), str(seconds), str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip() or "no message").splitlines()[-1]
        raise InputError(f"{path} with {threads} threads cannot be measured ({reason})")
    return json.loads(done.stdout.splitlines()[-1]), np.load(output)


def _measure(path: str, threads: str, seconds: str, output: str) -> None:
    metadata = read_metadata(path)
    model = load_model(path, threads=int(threads))
    windows = calibration_windows(metadata.window, metadata.level_dbfs, metadata.channels)
    many = np.concatenate([windows] * -(-WINDOWS_AT_ONCE // len(windows)))[:WINDOWS_AT_ONCE]
    np.save(output, model(windows))
    one_s, many_s = (_median_seconds(model, w, float(seconds)) for w in (windows[:1], many))
    figures = {
        "window_ms": 1000 * one_s,
        "real_time": WINDOWS_AT_ONCE * metadata.hop / metadata.sample_rate / many_s,
        "peak_mb": peak_bytes() / 1e6,
    }
    print(json.dumps(figures))


def _median_seconds(model: WindowModel, windows: np.ndarray, seconds: float) -> float:
    model(windows)
    times: list[float] = []
    while len(times) < LEAST_RUNS or sum(times) < seconds:
        start = time.perf_counter()
        model(windows)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peak_bytes() -> int:
    """Most memory that this process ever took."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux; getrusage would tell the parent's peak there
        return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    _measure(*sys.argv[1:])
