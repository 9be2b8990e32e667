import numpy as np
import pytest

from tests.evaluation.conftest import WINDOW
from tfaudiogan.audio.windows import overlap_add, split_windows
from tfaudiogan.evaluation.in_context import InContext, reconstruct
from tfaudiogan.evaluation.scores import score_tracks, score_windows
from tfaudiogan.reporting.tables import Statistic


def smooth(x: np.ndarray) -> np.ndarray:
    """A model whose output depends on where its window begins and ends."""
    return np.float32(0.5) * (x + np.roll(x, 3, axis=1)) * np.linspace(0, 1, x.shape[1])


@pytest.fixture(scope="module")
def track() -> np.ndarray:
    return np.random.default_rng(0).normal(size=5000).astype(np.float32)


@pytest.mark.parametrize("window", [2, 62, 256, 4096, 16384])
@pytest.mark.parametrize("piece", [(0, 1), (0, 256), (511, 1025), (1000, 1200), (4990, 5000)])
def test_a_piece_is_that_part_of_the_whole_track(track, window, piece):
    model = InContext(smooth, window)
    found = model.piece(lambda a, b: track[a:b], len(track), *piece, batch=3)
    expected = reconstruct(smooth, track, window)[slice(*piece)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("hop", [128, 200, 254])
def test_windows_may_overlap_by_less_than_half(track, hop):
    whole = reconstruct(smooth, track, 256, hop=hop)
    windows = smooth(split_windows(track, 256, hop))
    expected = overlap_add(windows.astype(np.float32), len(track), hop)
    np.testing.assert_allclose(whole, expected, atol=1e-6)
    model = InContext(smooth, 256, hop)
    for start, stop in ((0, 1), (0, 256), (511, 1025), (1000, 1200), (4990, 5000)):
        found = model.piece(lambda a, b: track[a:b], len(track), start, stop, batch=3)
        np.testing.assert_allclose(found, whole[start:stop], atol=1e-6)


def test_only_what_the_piece_needs_is_read_and_run_and_no_window_twice(track):
    read, run = [], []

    def reader(first, last):
        read.append((first, last))
        return track[first:last]

    def model(windows):
        run.append(len(windows))
        return smooth(windows)

    known: dict[int, np.ndarray] = {}
    whole = reconstruct(smooth, track, 512)
    for start in (1024, 1280, 1536):
        found = InContext(model, 512).piece(reader, 5000, start, start + 256, known=known)
        np.testing.assert_allclose(found, whole[start : start + 256], atol=1e-6)
    assert run == [2, 1, 1]
    assert read == [(768, 1536), (1280, 1792), (1536, 2048)]


@pytest.mark.parametrize(("window", "error"), [(0, ValueError), (511, ValueError)])
def test_bad_windows_are_refused(window, error):
    with pytest.raises(error, match=str(window)):
        InContext(smooth, window)
    with pytest.raises(ValueError, match="hop is 64"):
        InContext(smooth, 64, 64)


def test_another_shape_is_refused(track):
    with pytest.raises(ValueError, match="the model returned the shape"):
        InContext(lambda x: x[:, 1:], 64).piece(lambda a, b: track[a:b], 5000, 0, 64)


@pytest.mark.parametrize("own", [WINDOW // 2, WINDOW, 4 * WINDOW])
def test_windows_are_cut_from_what_surrounds_them(duo, own):
    models = {"around": InContext(smooth, own), "alone": smooth}
    table = score_windows(models, duo, "test", WINDOW, batch=3)
    found, values = table.row("around").samples["snr"], []
    for pair in duo.split("test"):
        x, y = duo.read(pair)
        whole = reconstruct(smooth, x, own)
        for start in range(0, pair.samples - WINDOW + 1, WINDOW):
            target = np.float64(y[start : start + WINDOW])
            if target.any():
                error = target - whole[start : start + WINDOW]
                values.append(10 * np.log10((target**2).sum() / (error**2).sum()))
    np.testing.assert_allclose(found, values, atol=2e-4)
    assert Statistic.of(found).mean != table.row("alone").values["snr"].mean


def test_tracks_are_put_together_from_the_models_own_windows(duo):
    table = score_tracks({"own": InContext(smooth, 4 * WINDOW)}, duo, "test", WINDOW)
    for number, pair in enumerate(duo.split("test")):
        x, y = duo.read(pair).astype(np.float64)
        error = y - reconstruct(smooth, x.astype(np.float32), 4 * WINDOW)
        expected = 10 * np.log10((y**2).sum() / (error**2).sum())
        assert table.row("own").samples["snr"][number] == pytest.approx(expected, abs=2e-4)
