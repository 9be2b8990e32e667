import base64
import io
import re

import numpy as np
import pytest
import soundfile

from tests.reporting.pages import RATE, Outline, signals, table
from tfaudiogan.reporting import figures
from tfaudiogan.reporting.page import PEAK, Number, Page

PICTURE = figures.waveforms(signals(), RATE)


def full_page() -> Page:
    page = Page("A page", lead="What it is about.")
    result = page.section("Results").numbers([Number("2.10 dB", "SNR", "of time")])
    result.scores(table(), "Loss").table(["A", "B\nminutes"], [["x", "1"]], notes=["A note."])
    result.figure(PICTURE, alt="Waves").figure(PICTURE, alt="Waves", caption="Again.")
    result.figure(figures.waveforms(signals(), RATE, image="png"), alt="Waves as pixels")
    page.section("Listen").audio("A tone", signals(), RATE, note="Loud.")
    page.section("Results").text("Twice the name.").facts({"sample_rate": 8000, "v": {"a": "1"}})
    page.section("§").code("python train.py", label="Again").code("{}", label="All", folded=True)
    return page


@pytest.fixture(scope="module")
def outline() -> Outline:
    return Outline(full_page().html())


def test_the_page_loads_nothing_external(outline):
    for name in ("src", "href", "xlink:href", "action", "poster", "srcset", "style"):
        for value in outline.attributes(name):
            assert value.startswith(("data:", "#")) or name == "style", value
            assert not re.search(r"url\((?!#)", value)
    html = full_page().html()
    assert "@import" not in html
    assert "://" not in html
    (policy,) = [m["content"] for m in outline.all("meta") if "http-equiv" in m]
    assert policy.startswith("default-src 'none'")


def test_ids_are_unique_and_references_resolve(outline):
    names = outline.attributes("id")
    assert len(set(names)) == len(names)
    references = [v for n in ("href", "xlink:href") for v in outline.attributes(n) if v[0] == "#"]
    references += re.findall(r"url\((#[^)]+)\)", full_page().html())
    assert references
    assert {reference[1:] for reference in references} <= set(names)
    assert {"results", "results-2", "section"} <= set(names)


def test_images_and_players_have_text_alternatives(outline):
    images = [attributes for _, attributes in outline.tags if attributes.get("role") == "img"]
    assert [image["aria-label"] for image in images] == ["Waves", "Waves"]
    assert [image["alt"] for image in outline.all("img")] == ["Waves as pixels"]
    assert [audio["aria-label"] for audio in outline.all("audio")] == [
        "input: A tone",
        "target: A tone",
        "generated: A tone",
    ]
    assert outline.all("html") == [{"lang": "en"}]


def test_tables_have_headings_for_rows_and_columns(outline):
    scopes = [heading["scope"] for heading in outline.all("th")]
    # Two tables of two columns, of two or three rows and one.
    assert scopes == ["col", "col", "row", "row", "row", "col", "col", "row"]
    for words in ("Loss", "SNR (dB)", "higher is better", "2.10 ± 4.20", "minutes", "A note."):
        assert words in outline.words


def test_facts_and_code(outline):
    for words in ("Sample rate", "8000", "a 1", "python train.py", "Again", "All"):
        assert words in outline.words
    assert len(outline.all("details")) == 1


@pytest.mark.parametrize("loud", [0.5, 3.0])
def test_players_hold_the_signals_at_one_common_gain(loud):
    rng = np.random.default_rng(0)
    audio = {name: rng.uniform(-1, 1, 4000).astype(np.float32) for name in ("input", "target")}
    audio["input"][7] = 1.0
    audio["input"] *= loud
    page = Page("Sound")
    page.section("Listen").audio("Noise", audio, RATE)
    gain = PEAK / loud if loud > 1 else 1.0
    players = Outline(page.html()).all("audio")
    for player, (name, expected) in zip(players, audio.items(), strict=True):
        kind, data = player["src"].split(",")
        assert kind == "data:audio/flac;base64"
        heard, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
        assert rate == RATE
        # One step of 16 bits.
        np.testing.assert_allclose(heard, gain * expected, atol=1 / 32768, err_msg=name)


def test_text_is_escaped():
    page = Page("<b>", lead="a & b").section("x").text("<script>").code("</pre>")
    html = Page("<i>", lead="<b>", sections=[page]).html()
    for escaped in ("&lt;i&gt;", "&lt;b&gt;", "&lt;script&gt;", "&lt;/pre&gt;"):
        assert escaped in html
    assert html.count("<script>") == 1


def test_figures_follow_the_theme():
    page = Page("Theme")
    page.section("x").figure(PICTURE, alt="Waves")
    (drawing,) = re.findall(r"<svg.*</svg>", page.html(), flags=re.DOTALL)
    assert "var(--ink)" in drawing
    assert "var(--color-1)" in drawing
    assert not re.search(r"(fill|stroke): #(24292f|0072b2)", drawing)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.figure(PICTURE, alt=""), "alt is empty"),
        (lambda s: s.figure(b"GIF89a..", alt="a"), "image starts with b'GIF89a..'"),
        (lambda s: s.table(["A", "B"], [["1"]]), "a row has 1 cells; expected 2"),
    ],
)
def test_bad_parts(call, message):
    with pytest.raises(ValueError, match=message):
        call(Page("Bad").section("x"))


def test_write(tmp_path):
    page = full_page()
    path = page.write(tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "index.html"
    assert path.read_text(encoding="utf-8") == page.html()
    assert page.html().startswith("<!DOCTYPE html>")
    assert [p.name for p in path.parent.iterdir()] == ["index.html"]
