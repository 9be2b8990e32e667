import keras
import pytest

from tests.networks import awake
from tfaudiogan.export.saved_model import export_saved_model
from tfaudiogan.inference.metadata import ModelMetadata, write_metadata
from tfaudiogan.models import build_generator

if keras.backend.backend() != "tensorflow":
    collect_ignore_glob = ["test_*.py"]  # only TensorFlow exports

WINDOW = 8192
METADATA = ModelMetadata(
    44100, WINDOW, task="instrument", trained_on="nothing: random weights", licence="Apache-2.0"
)


@pytest.fixture(scope="session")
def generator():
    """Build a fast network with the paper's window and few, narrow blocks."""
    return awake(build_generator(WINDOW, blocks=2, d_max=0, base_filters=16, reduction=4))


@pytest.fixture(scope="session")
def source(generator, tmp_path_factory):
    """Return the path of a model that an export treats as trained."""
    path = tmp_path_factory.mktemp("run") / "generator.keras"
    generator.save(path)
    write_metadata(path, METADATA)
    return path


@pytest.fixture(scope="session")
def served(source, tmp_path_factory):
    """A TensorFlow Serving directory with one version."""
    path = tmp_path_factory.mktemp("models") / "piano"
    export_saved_model(source, path)
    return path
