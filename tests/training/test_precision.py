import keras
import numpy as np
import pytest

from tests.networks import awake
from tests.runs.tiny import TINY
from tfaudiogan.config import LossWeights
from tfaudiogan.models import build_autoencoder, build_discriminator
from tfaudiogan.training import WGANGP
from tfaudiogan.training.autoencoder import AutoencoderTrainer
from tfaudiogan.training.build import generator_from_config
from tfaudiogan.training.composite import CompositeModel
from tfaudiogan.training.precision import (
    computing_in,
    has_bfloat16_products,
    in_float32,
    resolve,
)

CRITIC = vars(TINY.discriminator)


@pytest.mark.parametrize("kind", ["composite", "adversarial", "autoencoder"])
def test_float16_is_refused_in_one_line(kind):
    with computing_in("mixed_float16"):
        if kind == "autoencoder":
            model = AutoencoderTrainer(build_autoencoder(512, **vars(TINY.autoencoder)))
        elif kind == "composite":
            model = CompositeModel(generator_from_config(TINY))
        else:
            model = WGANGP(generator_from_config(TINY), build_discriminator(512, **CRITIC))
    with pytest.raises(ValueError, match=r"compute in float16.*use .*mixed_bfloat16") as caught:
        model.compile()
    assert "\n" not in str(caught.value)
    assert keras.config.dtype_policy().name == "float32"


def test_a_copy_in_float32_has_the_same_weights_and_computes_in_float32(tmp_path):
    with computing_in("mixed_bfloat16"):
        network = awake(generator_from_config(TINY))
    reference = generator_from_config(TINY)
    reference.set_weights(network.get_weights())
    assert in_float32(reference) is reference
    in_float32(network).save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    windows = np.random.default_rng(0).normal(size=(2, 512, 1)).astype("float32")
    expected = reference.predict_on_batch(windows)
    np.testing.assert_allclose(loaded.predict_on_batch(windows), expected, atol=1e-6)
    rounded = keras.ops.convert_to_numpy(network(windows)).astype("float32")
    assert 1e-5 < np.abs(rounded - expected).max() < 0.05


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags\t\t: fpu sse4_2 avx512f avx512_bf16 amx_tile", True),
        ("flags\t\t: fpu amx_bf16", True),
        ("flags\t\t: fpu sse4_2 avx512f", False),
        ("Features\t: fp asimd bf16", True),
        ("", False),
    ],
)
def test_auto_selects_what_the_processor_supports(flags, expected, tmp_path, monkeypatch):
    monkeypatch.setattr("tfaudiogan.training.precision._has_accelerator", lambda: False)
    path = tmp_path / "cpuinfo"
    assert not has_bfloat16_products(path)
    path.write_text(f"processor\t: 0\n{flags}\n")
    assert has_bfloat16_products(path) is expected


def test_auto_keeps_the_precision_of_a_resumed_run():
    auto = TINY.changed({"training": {"precision": "auto"}})
    assert resolve(auto, "float32").training.precision == "float32"
    assert resolve(auto, "mixed_bfloat16").training.precision == "mixed_bfloat16"
    assert resolve(auto).training.precision in ("float32", "mixed_bfloat16")
    assert resolve(TINY, "mixed_bfloat16") is TINY


@pytest.mark.parametrize(("backend", "expected"), [("torch", False), ("jax", True)])
def test_only_jax_compiles_on_a_processor(backend, expected, monkeypatch):
    model = CompositeModel(generator_from_config(TINY), weights=LossWeights())
    seen = {}
    monkeypatch.setattr(keras.Model, "compile", lambda self, **options: seen.update(options))
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    with pytest.raises(AttributeError):  # nothing was compiled, so there is no optimizer
        model.compile()
    assert seen["jit_compile"] is expected
