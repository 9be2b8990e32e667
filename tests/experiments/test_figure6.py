import dataclasses
import json

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tests.experiments.conftest import TINY
from tests.reporting.pages import Outline
from tfaudiogan.errors import InputError
from tfaudiogan.experiments.figure6 import run_figure6
from tfaudiogan.experiments.separation import NEIGHBORS, embed, separability

SIZES = {"config": TINY, "autoencoder_steps": 2, "batches": 2, "batch": 8, "panels": 2}


@pytest.fixture(scope="module")
def plain(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("figure6")
    return out, run_figure6(corpus, out, **SIZES)


def clouds(distance: float, pairs: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(2, pairs, 8))
    targets[:, 0] += distance
    return inputs, targets


def test_separability_is_one_half_for_one_cloud_and_one_for_two():
    # The standard error of 400 fair coins is 0.025.
    assert separability(*clouds(0.0)) == pytest.approx(0.5, abs=0.075)
    assert separability(*clouds(50.0)) == 1.0


def test_separability_is_a_vote_of_the_nearest_in_other_folds():
    inputs, targets = clouds(1.5, pairs=50)
    points, side = np.concatenate([inputs, targets]), np.repeat([0, 1], 50)
    fold = np.tile(np.arange(50) // 10, 2)
    right = 0
    for point, distances in enumerate(cdist(points, points)):
        others = np.flatnonzero(fold != fold[point])
        nearest = others[np.argsort(distances[others])[:NEIGHBORS]]
        right += (side[nearest].mean() > 0.5) == side[point]
    assert separability(inputs, targets) == right / 100


def test_separability_nears_the_best_classifier_of_two_normal_clouds():
    # Bayes: the normal distribution function of half the distance, 0.933; neighbors lose a little.
    assert 0.88 < separability(*clouds(3.0)) < 0.96


def test_a_pairs_twin_does_not_vote():
    """A classifier cannot separate pairs of nearly identical windows."""
    inputs, _ = clouds(0.0)
    assert separability(inputs, inputs + 1e-6) == pytest.approx(0.5, abs=0.075)


def test_a_channel_without_variation_is_inseparable():
    zeros = np.zeros((10, 4))
    assert separability(zeros, zeros) == 0.5
    assert np.isfinite(embed(zeros, zeros, seed=0)).all()


def test_the_embedding_keeps_far_clouds_apart_and_repeats():
    inputs, targets = clouds(50.0, pairs=30)
    plane = embed(inputs, targets, seed=1)
    assert plane.shape == (2, 30, 2)
    np.testing.assert_array_equal(plane, embed(inputs, targets, seed=1))
    center = plane.mean(axis=1)
    spread = np.abs(plane - center[:, None]).max()
    assert np.linalg.norm(center[0] - center[1]) > spread


def test_figure6_shows_random_channels_and_scores_all(plain):
    out, (found,) = plain
    channels = len(found.scores)
    assert (len(found.points), found.name) == (2, "plain")
    assert all(points.shape == (2, 16, 2) for points in found.points.values())
    assert all(0 <= score <= 1 for score in found.scores)
    content = json.loads((out / "figure6.json").read_text())
    assert content["separability"].startswith("Balanced accuracy")
    (one,) = content["autoencoders"]
    assert one["channels"] == list(found.scores) and len(one["channels"]) == channels
    assert one["shown"] == {str(c): found.scores[c] for c in found.points}
    assert (out / "figure6-plain.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (out / "figure6-plain.svg").read_bytes()[:1000]
    outline = Outline((out / "index.html").read_text(encoding="utf-8"))
    assert len(outline.all("svg")) == 2


@pytest.mark.slow
def test_the_classifier_is_shown_next_to_the_plain_autoencoder(plain, corpus):
    out, (before,) = plain
    made = (out / "autoencoder-plain.keras").stat().st_mtime_ns
    found = run_figure6(corpus, out, **SIZES, classifier_weight=0.5)
    assert [one.name for one in found] == ["plain", "classifier-0.5"]
    assert found[0].scores == before.scores
    assert (out / "autoencoder-plain.keras").stat().st_mtime_ns == made
    assert found[1].points.keys() == before.points.keys()
    outline = Outline((out / "index.html").read_text(encoding="utf-8"))
    assert len(outline.all("svg")) == 3


@pytest.mark.slow
def test_a_given_autoencoder_is_used(plain, corpus, tmp_path):
    out, (before,) = plain
    given = out / "autoencoder-plain.keras"
    (found,) = run_figure6(corpus, tmp_path, **SIZES, autoencoder=given)
    assert found.scores == before.scores
    assert not list(tmp_path.glob("*.keras"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"autoencoder_steps": 3}, "autoencoder_steps 2, not 3"),
        ({"config": dataclasses.replace(TINY, window=1024)}, "config.window 512, not 1024"),
        ({"panels": 0}, "panels is 0"),
        ({"batches": 1, "batch": 2}, "expected 5 pairs"),
        ({"classifier_weight": -1.0}, "classifier weight is -1"),
    ],
)
def test_bad_input_is_refused(change, words, plain, corpus):
    with pytest.raises(InputError, match=words):
        run_figure6(corpus, plain[0], **SIZES | change)
