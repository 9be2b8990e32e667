"""Test the script next to the model card that averages the weights of generators."""

import numpy as np
import pytest

from tests.scripts import load_script
from tfaudiogan.errors import InputError
from tfaudiogan.inference.load import load_keras
from tfaudiogan.inference.metadata import ModelMetadata, read_metadata, write_metadata
from tfaudiogan.models import build_spectral_generator


@pytest.fixture(scope="module")
def script():
    return load_script("average")


@pytest.fixture(scope="module")
def generators(tmp_path_factory):
    """Write three generators: two of one network with other weights, and one of another network."""
    folder = tmp_path_factory.mktemp("generators")
    for name, value, bands in (("new", 1.0, 40), ("before", 3.0, 40), ("other", 1.0, 36)):
        generator = build_spectral_generator(
            256 * 7, n_fft=512, bands=bands, context=8, blocks=1, base_filters=8
        )
        generator.set_weights([np.full_like(weight, value) for weight in generator.get_weights()])
        generator.save(folder / f"{name}.keras")
        write_metadata(
            folder / f"{name}.keras", ModelMetadata(44_100, 256 * 7, trained_on=f"corpus of {name}")
        )
    return folder


def test_the_mean_has_the_metadata_of_the_first(script, generators, tmp_path):
    shares = script.shares_of(
        [f"{generators / 'new.keras'}=0.6", f"{generators / 'before.keras'}=0.4"]
    )
    script.average(shares, tmp_path / "mean.keras")
    for weight in load_keras(tmp_path / "mean.keras").get_weights():
        # Float32: 0.6 and 0.4 are rounded, and so is their sum.
        np.testing.assert_allclose(weight, 0.6 * 1.0 + 0.4 * 3.0, rtol=1e-6)
    assert read_metadata(tmp_path / "mean.keras").trained_on == "corpus of new"


def test_wrong_shares_and_networks_are_refused(script, generators, tmp_path):
    with pytest.raises(InputError, match="expected MODEL=SHARE"):
        script.shares_of(["new.keras"])
    with pytest.raises(InputError, match=r"add up to 0\.9; expected 1"):
        script.shares_of(["new.keras=0.5", "before.keras=0.4"])
    shares = {generators / "new.keras": 0.5, generators / "other.keras": 0.5}
    with pytest.raises(InputError, match="has another network"):
        script.average(shares, tmp_path / "mean.keras")
    assert not (tmp_path / "mean.keras").exists()
    with pytest.raises(InputError, match=r"does not end with \.keras"):
        script.average({generators / "new.keras": 1.0}, tmp_path / "mean.h5")
