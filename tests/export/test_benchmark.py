import numpy as np
import pytest

from tests.export.conftest import METADATA
from tests.networks import awake
from tfaudiogan.errors import InputError
from tfaudiogan.export.benchmark import Measurement, benchmark, table
from tfaudiogan.inference.metadata import write_metadata
from tfaudiogan.models import build_generator


def test_the_table_shows_every_figure():
    measurement = Measurement("tflite float16", 2, 6.31, 22.04, 4.21, 70.2, 63.4)
    (headings, cells) = zip(
        *((column.header, next(column.cells)) for column in table([measurement]).columns),
        strict=True,
    )
    assert headings == (
        "form",
        "threads",
        "MB",
        "ms per window",
        "x real time",
        "peak MB",
        "error dB",
    )
    assert cells == ("tflite float16", "2", "6.31", "22.0", "4.2", "70", "-63")


def test_no_model(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        next(benchmark(tmp_path / "no.keras"))


@pytest.mark.slow
def test_every_format_is_measured(tmp_path):
    path = tmp_path / "generator.keras"
    awake(build_generator(8192, blocks=1, d_max=0, base_filters=16, reduction=4)).save(path)
    write_metadata(path, METADATA)
    measured = list(benchmark(path, threads=[1], seconds=0.1))
    forms = [m.form for m in measured]
    assert forms[:5] == [
        "keras",
        "saved_model",
        *(f"tflite {q}" for q in ("float32", "float16", "dynamic")),
    ]
    for m in measured:
        assert m.threads == 1
        assert min(m.size_mb, m.window_ms, m.real_time, m.peak_mb) > 0
        assert m.error_db > 40
    by_form = {m.form: m for m in measured}
    assert by_form["tflite float32"].peak_mb < by_form["keras"].peak_mb  # no TensorFlow there
    assert np.isinf(by_form["keras"].error_db)
