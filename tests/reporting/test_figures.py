import dataclasses
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from tests.reporting.pages import RATE, signals, table
from tfaudiogan.reporting import figures
from tfaudiogan.reporting.tables import METRICS


def texts(svg: bytes) -> list[str]:
    """Return the texts in an SVG; parsing fails if it is damaged."""
    return [
        element.text
        for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    ]


def history(epochs: int = 12) -> dict[str, np.ndarray]:
    decay = 10.0 ** -np.linspace(0, 2, epochs)
    return {
        "epoch": np.arange(epochs),
        "loss": decay,
        "val_loss": 2 * decay,
        "critic": -decay,
        "snr": 1 - decay,
        "val_snr": 0.5 - decay,
        "time_share": np.full(epochs, 0.7),
        "feature_share": np.full(epochs, 0.3),
        "never": np.full(epochs, np.nan),
    }


FIGURES = {
    "spectrograms": (figures.spectrograms, (signals(), RATE), ["input", "target", "kHz", "dB"]),
    "spectrograms of silence": (figures.spectrograms, ({"a": np.zeros(9000)}, RATE), ["kHz"]),
    "spectrograms of a click": (figures.spectrograms, ({"a": np.ones(1)}, RATE), ["kHz"]),
    "waveforms": (figures.waveforms, (signals(), RATE), ["Waveform, 30 ms", "generated"]),
    "waveforms of a click": (figures.waveforms, ({"a": np.ones(1)}, RATE), ["time (s)"]),
    "average spectra": (figures.average_spectra, (signals(), RATE), ["frequency (kHz)", "target"]),
    "average spectra of silence": (figures.average_spectra, ({"a": np.zeros(5)}, RATE), ["dB"]),
    "metric curve": (
        figures.metric_curve,
        (history(), "snr", METRICS["snr"], {"Best constant gain": 0.9}),
        ["SNR (dB)", "Best constant gain 0.90", "training", "validation", "epoch"],
    ),
    "distribution": (
        figures.distribution,
        ({"Model": np.array([1.0, 2, np.inf]), "Input": np.array([-3.0, -4])}, METRICS["snr"]),
        ["SNR (dB)", "Model", "Input", "% of windows"],
    ),
    "distribution of one value": (
        figures.distribution,
        ({"Model": np.zeros(5)}, METRICS["lsd"], "tracks"),
        ["% of tracks"],
    ),
    "comparison": (
        figures.comparison,
        (table(), "snr"),
        ["time", "Silence", "SNR (dB), higher is better"],
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_svg_is_well_formed_and_labeled(name):
    draw, arguments, words = FIGURES[name]
    found = texts(draw(*arguments))
    assert set(words) <= set(found)


def test_png_and_unknown_formats():
    assert figures.waveforms(signals(), RATE, image="png").startswith(b"\x89PNG\r\n")
    with pytest.raises(ValueError, match="image is 'gif'; expected 'svg' or 'png'"):
        figures.waveforms(signals(), RATE, image="gif")


def test_same_input_gives_the_same_bytes():
    first, second = (figures.waveforms(signals(), RATE) for _ in range(2))
    assert first == second


def test_loss_curves_draw_each_quantity_once():
    drawn = figures.loss_curves(history(), leave_out=["snr"])
    assert list(drawn) == ["loss", "critic", "share"]
    # Positive values from 0.01 to 2 get a logarithmic axis with plain numbers at 1, 2 and 5.
    assert {"0.01", "0.1", "1"} <= set(texts(drawn["loss"]))
    assert {"training", "validation"} <= set(texts(drawn["loss"]))
    assert "training" not in texts(drawn["critic"])
    assert {"time", "feature", "Share of the weighted loss"} <= set(texts(drawn["share"]))


def test_published_scores_are_next_to_ours():
    words = texts(figures.comparison(table(), "snr", published={"L1": (2.63, 5.21)}))
    assert {"measured", "published"} <= set(words)
    assert "Nothing" not in words


def test_a_long_name_is_broken_so_that_the_axis_stays_wide():
    long = "L_time + 0.0001 L_adv, relative penalty"
    renamed = [dataclasses.replace(row, label=long) for row in table().rows[:1]]
    words = texts(figures.comparison(dataclasses.replace(table(), rows=renamed), "snr"))
    assert {"L_time + 0.0001 L_adv,", "relative penalty"} <= set(words)


def test_loudest_stretch():
    audio = np.zeros(100)
    audio[60:70] = 1
    assert figures._loudest(audio, 10) == 60
    assert figures._loudest(audio, 200) == 0


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ({"a": 0.0, "b": 5.0}, {"a": 0.0, "b": 5.0}),
        ({"a": 0.3, "b": 0.0, "c": 0.1}, {"b": 0.0, "c": 1.0, "a": 2.0}),
    ],
)
def test_labels_do_not_overlap(places, expected):
    assert figures._apart(places, 1.0) == expected


def test_import_starts_no_matplotlib_and_drawing_leaves_it_as_it_was():
    code = """
import sys
from tfaudiogan.reporting import figures
assert "matplotlib" not in sys.modules
import matplotlib, numpy
before = matplotlib.rcParams["font.size"], matplotlib.rcParams["axes.grid"]
figures.waveforms({"a": numpy.ones(9)}, 8000)
assert (matplotlib.rcParams["font.size"], matplotlib.rcParams["axes.grid"]) == before
assert "matplotlib.pyplot" not in sys.modules
assert "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
