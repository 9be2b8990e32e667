"""Measures the speed, size and error of each exported form of a model on this machine."""

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
from tfaudiogan.inference.load import MAX_BATCH_WINDOWS, WindowModel, load_model
from tfaudiogan.inference.metadata import read_metadata

if TYPE_CHECKING:
    import rich.table

SECONDS = 3.0
MIN_RUNS = 5


@dataclass(frozen=True)
class Measurement:
    """The figures of one form of a model with one number of threads.

    Attributes:
        form: Name of the form, such as ``"keras"``, ``"saved_model"``, ``"tflite float16"`` or
            ``"onnx"``.
        threads: Number of CPU threads.
        size_mb: Size of the file or folder in 10^6 bytes.
        window_ms: Median time for a single window, as in a live stream, in milliseconds.
        real_time: Seconds of audio enhanced per second, with the channels that the model links, in
            batches as ``enhance`` makes them, a window for every hop of the metadata.
        peak_mb: Peak memory of the process, including the runtime, in 10^6 bytes.
        error_db: Signal-to-error ratio to the output of the Keras model, in dB.
    """

    form: str
    threads: int
    size_mb: float
    window_ms: float
    real_time: float
    peak_mb: float
    error_db: float


def export_variants(model_path: Path | str, folder: Path | str) -> dict[str, Path]:
    """Export a ``.keras`` model to every form; return the paths by form, the model itself first."""
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
    """Export a model to every form and measure each form in a separate process.

    Args:
        model_path: ``.keras`` file with metadata.
        threads: Numbers of threads to measure with; 1 and all CPUs by default.
        seconds: Shortest duration of each measurement.

    Yields:
        A measurement for each form and number of threads, as soon as it is finished. ONNX is left
        out if the extra ``onnx`` is not installed.

    Raises:
        InputError: If the model cannot be loaded.
    """
    threads = sorted({1, os.cpu_count() or 1}) if threads is None else list(threads)
    with tempfile.TemporaryDirectory() as folder:
        expected = None
        for form, path in export_variants(model_path, folder).items():
            for count in threads:
                figures, output = _run_in_process(path, count, seconds, Path(folder) / "output.npy")
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
    """Return the measurements as a table to print."""
    from rich.table import Table

    result = Table("form", box=None)
    for heading in ("threads", "MB", "ms per window", "x real time", "peak MB", "error dB"):
        result.add_column(heading, justify="right")
    for m in measurements:
        result.add_row(
            m.form,
            str(m.threads),
            f"{m.size_mb:.2f}",
            f"{m.window_ms:.1f}",
            f"{m.real_time:.1f}",
            f"{m.peak_mb:.0f}",
            f"{-m.error_db:.0f}",
        )
    return result


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _run_in_process(
    path: Path, threads: int, seconds: float, output: Path
) -> tuple[dict[str, float], np.ndarray]:
    """Measure a form in a new process, where its memory and its threads are its own.

    Returns:
        The figures and the output.
    """
    command = [sys.executable, "-m", __name__, str(path), str(threads), str(seconds), str(output)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        reason = (process.stderr.strip() or "no message").splitlines()[-1]
        raise InputError(f"{path} with {threads} threads cannot be measured ({reason})")
    return json.loads(process.stdout.splitlines()[-1]), np.load(output)


def _measure(path: str, threads: str, seconds: str, output: str) -> None:
    metadata = read_metadata(path)
    model = load_model(path, threads=int(threads))
    windows = calibration_windows(metadata.window, metadata.level_dbfs, metadata.channels)
    batch = np.concatenate([windows] * -(-MAX_BATCH_WINDOWS // len(windows)))[:MAX_BATCH_WINDOWS]
    np.save(output, model(windows))
    window_s, batch_s = (_median_seconds(model, w, float(seconds)) for w in (windows[:1], batch))
    figures = {
        "window_ms": 1000 * window_s,
        "real_time": MAX_BATCH_WINDOWS * metadata.hop / metadata.sample_rate / batch_s,
        "peak_mb": peak_bytes() / 1e6,
    }
    print(json.dumps(figures))


def _median_seconds(model: WindowModel, windows: np.ndarray, seconds: float) -> float:
    model(windows)
    times: list[float] = []
    while len(times) < MIN_RUNS or sum(times) < seconds:
        start = time.perf_counter()
        model(windows)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peak_bytes() -> int:
    """Return the peak memory of this process in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # On Linux, getrusage may return the peak of the parent process.
        return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    _measure(*sys.argv[1:])
