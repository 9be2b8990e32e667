"""The precision that networks compute in during training. Weights are always float32."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras

from tfaudiogan.config import Config

_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


def resolve(config: Config, earlier: str | None = None) -> Config:
    """Replace the precision ``"auto"`` by the one that is fast on this machine.

    Args:
        config: Configuration of a run.
        earlier: Precision that ``"auto"`` stood for when the resumed run began.
    """
    if config.training.precision != "auto":
        return config
    chosen = earlier or ("mixed_bfloat16" if has_bfloat16_products() else "float32")
    return dataclasses.replace(
        config, training=dataclasses.replace(config.training, precision=chosen)
    )


def has_bfloat16_products(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether the device that Keras uses multiplies bfloat16 faster than float32."""
    return _has_accelerator() or bool(_BFLOAT16_FLAGS & _processor_flags(cpuinfo))


def _has_accelerator() -> bool:
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    if backend == "jax":
        import jax

        return jax.default_backend() != "cpu"
    return False


def _processor_flags(cpuinfo: Path) -> set[str]:
    """Return the flags that Linux lists for the first processor, or none on other systems."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return set()
    flags = (line for line in lines if line.lower().startswith(("flags", "features")))
    return set(next(flags, "").partition(":")[2].split())


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Set the precision of the networks that are built within the context."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def set_precision(network, precision: str) -> None:
    """Set the precision of a network that is already built."""
    for layer in network._flatten_layers():
        layer.dtype_policy = precision


def in_float32(network):
    """Return the network if it computes in float32, otherwise a float32 copy that can be saved."""
    if all(layer.compute_dtype == "float32" for layer in network._flatten_layers()):
        return network
    copy = type(network).from_config(network.get_config())
    set_precision(copy, "float32")
    copy.set_weights(network.get_weights())
    return copy


def check_precision(network) -> None:
    """Raise ValueError if a layer computes in float16, in which small gradients vanish."""
    if any(layer.compute_dtype == "float16" for layer in network._flatten_layers()):
        raise ValueError(
            "the networks compute in float16, in which small gradients vanish; "
            "use the dtype policy mixed_bfloat16 or float32"
        )
