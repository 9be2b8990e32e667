"""A ``.keras`` model with metadata from a checkpoint of the paper's code."""

from pathlib import Path
from typing import Any

import numpy as np

from tfaudiogan.audio.levels import COMMON_LEVEL_DBFS
from tfaudiogan.conversion.paper import NETWORKS, build_network, networks_in
from tfaudiogan.conversion.torch_file import read_torch_file
from tfaudiogan.errors import InputError
from tfaudiogan.inference.metadata import ModelMetadata, write_metadata
from tfaudiogan.storage import checksum, replacing


def convert_weights(
    checkpoint: Path | str,
    out: Path | str,
    network: str | None = None,
    *,
    window: int | None = None,
    sample_rate: int = 44_100,
    level_dbfs: float = COMMON_LEVEL_DBFS,
    licence: str = "",
) -> Path:
    """Write a network of the paper's code as a model of this package, and return its path.

    From the same weights it gives the same outputs, but for rounding.

    Args:
        checkpoint: what the code saved with ``torch.save``, or an ``.npz`` file of a state dict.
        out: the ``.keras`` file.
        network: ``"generator"``, ``"discriminator"`` or ``"autoencoder"``; the one that the
            checkpoint holds unless given.
        window: samples of a window, 8192 unless given. A discriminator is made for one.
        sample_rate: that the network was trained at, in hertz.
        level_dbfs: of the audio that it was trained on; ``enhance`` brings its input there.
        licence: of the weights.

    Raises:
        InputError: when the file is no such checkpoint, or its names, shapes or sizes do not fit.
    """
    checkpoint, out = Path(checkpoint), Path(out)
    if network not in (None, *NETWORKS):
        raise InputError(f"unknown network {network!r}; choose one of {', '.join(NETWORKS)}")
    if out.suffix != ".keras":
        raise InputError(f"{out} does not end in .keras; name it so")
    network, weights = _chosen(checkpoint, network)
    try:
        model = build_network(network, weights, window)
        metadata = ModelMetadata(
            sample_rate=sample_rate,
            window=model.input_shape[1],
            level_dbfs=level_dbfs,
            task="instrument" if network == "generator" else network,
            preset="paper",
            trained_on=f"{checkpoint.name}, a checkpoint of the paper's code",
            licence=licence,
            parameters=model.count_params(),
            source_sha256=checksum(checkpoint),
        )
    except ValueError as error:
        raise InputError(f"{checkpoint}: {error}") from error
    with replacing(out) as temporary:
        model.save(temporary)
        write_metadata(temporary, metadata)
    return out


def _chosen(checkpoint: Path, network: str | None) -> tuple[str, dict[str, np.ndarray]]:
    """The network to convert, and its weights by name."""
    content = _read(checkpoint)
    found = networks_in(content)
    if not found:
        names = [str(name) for name in content] if isinstance(content, dict) else []
        held = f"it holds {', '.join(names[:3])}" if names else "it holds no names"
        raise InputError(
            f"{checkpoint} holds no network of the paper's code ({held}); give its checkpoint or "
            "a state dict"
        )
    if network is None and len(found) > 1:
        raise InputError(f"{checkpoint} holds a {' and a '.join(found)}; choose with --network")
    network = network or next(iter(found))
    if network not in found:
        raise InputError(f"{checkpoint} holds no {network} but a {' and a '.join(found)}")
    return network, found[network]


def _read(path: Path) -> Any:
    if path.suffix != ".npz":
        return read_torch_file(path)
    try:
        with np.load(path) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except OSError as error:
        reason = error.strerror or "no .npz file"
        raise InputError(f"{path} cannot be read ({reason}); give a checkpoint") from error
    except Exception as error:
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise InputError(f"{path} is not an .npz file of arrays ({reason})") from error
