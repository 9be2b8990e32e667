"""The networks of the paper's code from its weights.

The code is https://github.com/stegmuel/audio-super-resolution; its names and shapes are PyTorch's.
Three things lie otherwise here. Superpixel layers give their channels in blocks, so that the
weights of what follows are brought into that order; the discriminator's first dense layer takes
values by time and then channel; and normalization divides by ``sqrt(variance + 1e-5)``, where
networks of our own add 1e-3.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfaudiogan.errors import InputError

if TYPE_CHECKING:
    import keras

NETWORKS = ("generator", "discriminator", "autoencoder")
FIRST_NAMES = {
    "generator": "down_block_",
    "discriminator": "in_block.",
    "autoencoder": "encoder.",
}
KERNEL_SIZES = (3, 9, 27, 81)
SHARES = (24, 24, 8, 8)
VARIANCE_EPSILON = 1e-5
MOST_BLOCKS = 16
DEFAULT_WINDOW = 8192
SHOWN = 5
"""Names in an error message."""

UNUSED = re.compile(r".*\.(su(b|per)pixel\.conv_layer\.(weight|bias)|num_batches_tracked)")
"""What the code stores but does not compute with."""

Weights = Mapping[str, np.ndarray]


def networks_in(checkpoint: Any) -> dict[str, dict[str, np.ndarray]]:
    """The networks of a checkpoint: a state dict, or a dictionary with state dicts in it."""
    found = {}
    for part in (checkpoint, *(checkpoint.values() if isinstance(checkpoint, Mapping) else ())):
        if not isinstance(part, Mapping):
            continue
        arrays = {n: v for n, v in part.items() if isinstance(n, str) and _is_tensor(v)}
        for network, first in FIRST_NAMES.items():
            if any(name.startswith(first) for name in arrays):
                found[network] = arrays
    return found


def _is_tensor(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "biuf"


def build_network(network: str, weights: Weights, window: int | None = None) -> "keras.Model":
    """The Keras model with the weights of a network of the paper's code.

    Args:
        network: one of ``NETWORKS``.
        weights: by the code's names.
        window: samples; 8192 unless given. A discriminator is made for one.

    Returns:
        A model as of ``build_generator``, ``build_discriminator`` or ``build_autoencoder``, with
        the sizes that the weights have.

    Raises:
        InputError: when a name is missing, unknown or of another shape, or the sizes are of no
            network that these functions build.
    """
    taken = _Taken(network, weights)
    build = {
        "generator": _generator,
        "discriminator": _discriminator,
        "autoencoder": _autoencoder,
    }
    try:
        model = build[network](taken, window)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{network}: {error}") from error
    taken.check()
    return model


class _Taken:
    """Weights by name and expected shape; what does not fit is noted and told in one error."""

    def __init__(self, network: str, weights: Weights) -> None:
        self.network = network
        self.weights = weights
        self._names: set[str] = set()
        self._missing: list[str] = []
        self._misshaped: list[str] = []

    def __call__(self, name: str, *shape: int) -> np.ndarray:
        self._names.add(name)
        if name not in self.weights:
            self._missing.append(name)
        elif self.weights[name].shape != shape:
            given = self.weights[name].shape
            self._misshaped.append(f"{name} {given} instead of {shape}")
        else:
            return self.weights[name].astype(np.float32)
        return np.zeros(shape, np.float32)

    def shape(self, name: str, rank: int) -> tuple[int, ...]:
        """The shape of a weight that tells a size.

        Raises:
            InputError: when there is no such weight, or it has another rank.
        """
        if name not in self.weights:
            raise InputError(f"{self.network}: missing {name}; give a whole state dict")
        shape = self.weights[name].shape
        if len(shape) != rank or 0 in shape:
            raise InputError(f"{self.network}: {name} has the shape {shape}; expected {rank} axes")
        return shape

    def blocks(self, pattern: str) -> int:
        """The largest number of a block in names that match; 0 where none does."""
        numbers = [int(m[1]) for m in map(re.compile(pattern).match, self.weights) if m]
        count = max(numbers, default=0)
        if count > MOST_BLOCKS:
            raise InputError(f"{self.network}: a block {count}; expected {MOST_BLOCKS} or fewer")
        return count

    def check(self) -> None:
        """Raise InputError for names that were missing, mis-shaped, or not taken."""
        unknown = [n for n in self.weights if n not in self._names and not UNUSED.fullmatch(n)]
        problems = {
            "missing": self._missing,
            "of other shapes": self._misshaped,
            "unknown": unknown,
        }
        told = [f"{what} {_listed(names)}" for what, names in problems.items() if names]
        if told:
            raise InputError(
                f"{self.network}: names do not fit the paper's code: {'; '.join(told)}; "
                "give the state dict of an unchanged network"
            )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _sizes(taken: _Taken, blocks: Sequence[str], usual_reduction: int) -> dict[str, Any]:
    """``blocks``, ``d_max``, ``base_filters`` and ``reduction`` of down-sampling blocks."""
    from tfaudiogan.models.blocks import block_filters

    if not blocks:
        raise InputError(f"{taken.network}: no blocks; give a whole state dict")
    filters, branches, bottlenecks = [], [], []
    for block in blocks:
        if f"{block}.conv_layers.0.weight" in taken.weights:
            raise InputError(
                f"{taken.network}: {block} has no bottlenecks (conv_layers.0); only networks with "
                "bottlenecks can be converted"
            )
        shapes = [taken.shape(f"{block}.conv_layers_2.{i}.weight", 3) for i in range(len(SHARES))]
        sizes, widths = [shape[0] for shape in shapes], tuple(shape[2] for shape in shapes)
        if widths != KERNEL_SIZES:
            raise InputError(
                f"{taken.network}: {block} has kernels of {widths} samples; expected {KERNEL_SIZES}"
            )
        total = sum(sizes)
        if sizes != [total * share / sum(SHARES) for share in SHARES]:
            raise InputError(
                f"{taken.network}: {block} has branches of {tuple(sizes)} filters; expected shares "
                f"of {SHARES} in {sum(SHARES)}"
            )
        filters.append(total)
        branches += sizes
        bottlenecks += [shape[1] for shape in shapes]
    count, base = len(blocks), filters[0]
    depths = [d for d in range(count) if block_filters(count, d, base) == filters]
    if not depths:
        raise InputError(
            f"{taken.network}: blocks of {', '.join(map(str, filters))} filters; expected the "
            "first ones to double and the others to stay"
        )
    reductions = [
        r
        for r in (usual_reduction, *range(1, max(branches) + 1))
        if [max(1, f // r) for f in branches] == bottlenecks
    ]
    if not reductions:
        raise InputError(
            f"{taken.network}: bottlenecks of {_listed([str(b) for b in bottlenecks])} channels "
            "fit no reduction"
        )
    return {
        "blocks": count,
        "d_max": depths[0],
        "base_filters": base,
        "reduction": reductions[0],
    }


def _generator(taken: _Taken, window: int | None) -> "keras.Model":
    from tfaudiogan.models import build_generator

    count = taken.blocks(r"(?:down|up)_block_(\d{1,6})\.")
    down = [f"down_block_{d + 1}" for d in range(count)]
    model = build_generator(window or DEFAULT_WINDOW, **_sizes(taken, down, usual_reduction=16))
    channels: list[np.ndarray] = [np.arange(1)]
    skips = []
    for d, name in enumerate(down):
        _set_block(model, f"down_{d}", taken, name, channels)
        channels = [_unshuffled(2 * _filters(model, f"down_{d}"))]
        skips.append(channels[0])
    skips.pop()
    for d in range(count):
        _set_block(model, f"up_{d}", taken, f"up_block_{d + 1}", channels)
        channels = [np.arange(_filters(model, f"up_{d}") // 2)]
        if skips:
            channels.append(skips.pop())
    _set_output(model, taken)
    return model


def _autoencoder(taken: _Taken, window: int | None) -> "keras.Model":
    from tfaudiogan.models import build_autoencoder

    count = 1 + taken.blocks(r"(?:en|de)coder\.(\d{1,6})\.")
    encoder = [f"encoder.{d}" for d in range(count)]
    model = build_autoencoder(window or DEFAULT_WINDOW, **_sizes(taken, encoder, usual_reduction=4))
    decoder = model.get_layer("decoder")
    channels: list[np.ndarray] = [np.arange(1)]
    for d, name in enumerate(encoder):
        _set_block(model.encoder, f"down_{d}", taken, name, channels)
        channels = [_unshuffled(2 * _filters(model.encoder, f"down_{d}"))]
    for d in range(count):
        _set_block(decoder, f"up_{d}", taken, f"decoder.{d}", channels)
        channels = [np.arange(_filters(decoder, f"up_{d}") // 2)]
    _set_output(decoder, taken)
    return model


def _discriminator(taken: _Taken, window: int | None) -> "keras.Model":
    from tfaudiogan.models import build_discriminator

    count = 1 + taken.blocks(r"mid_blocks\.(\d{1,6})\.")
    blocks = [f"mid_blocks.{d}" for d in range(count)]
    sizes = _sizes(taken, blocks, usual_reduction=16)
    units, values = taken.shape("out_block.fc_1.weight", 2)
    last = taken.shape(f"{blocks[-1]}.normalization.bias", 1 if _has_batch_norm(taken) else 2)[0]
    width, rest = divmod(values, 2 * last)
    made_for = width * 2**count
    if rest or not width:
        raise InputError(
            f"discriminator: out_block.fc_1.weight takes {values} values; expected a multiple of "
            f"{2 * last}"
        )
    if window not in (None, made_for):
        raise InputError(f"discriminator: it takes windows of {made_for} samples, not {window}")
    model = build_discriminator(
        made_for,
        **sizes,
        dense_units=units,
        normalization="batch" if _has_batch_norm(taken) else "layer",
        epsilon=VARIANCE_EPSILON,
    )
    _set_inception(model.get_layer("stem_inception"), taken, "in_block", [np.arange(1)])
    channels = [np.arange(sizes["base_filters"])]
    for d, name in enumerate(blocks):
        _set_inception(model.get_layer(f"down_{d}_inception"), taken, name, channels)
        _set_normalization(model, d, taken, f"{name}.normalization")
        channels = [_unshuffled(2 * _filters(model, f"down_{d}"))]
    kernel = taken("out_block.fc_1.weight", units, values).reshape(units, -1, width)
    by_time = kernel[:, channels[0]].transpose(2, 1, 0).reshape(values, units)
    model.get_layer("dense").set_weights([by_time, taken("out_block.fc_1.bias", units)])
    score = taken("out_block.fc_2.weight", 1, units).T
    model.get_layer("score").set_weights([score, taken("out_block.fc_2.bias", 1)])
    return model


def _has_batch_norm(taken: _Taken) -> bool:
    return "mid_blocks.0.normalization.running_mean" in taken.weights


def _unshuffled(count: int) -> np.ndarray:
    """The code's channels of a superpixel layer's output in the order that they have here."""
    return np.arange(count).reshape(-1, 2).T.ravel()


def _filters(model: Any, block: str) -> int:
    return int(model.get_layer(f"{block}_inception").filters)


def _set_block(
    model: Any, block: str, taken: _Taken, name: str, channels: Sequence[np.ndarray]
) -> None:
    _set_inception(model.get_layer(f"{block}_inception"), taken, name, channels)
    slopes = model.get_layer(f"{block}_epilogue").slopes
    slopes.assign(taken(f"{name}.activation.weight", *slopes.shape))


def _set_inception(layer: Any, taken: _Taken, name: str, channels: Sequence[np.ndarray]) -> None:
    """Set a module's weights.

    Args:
        layer: the ``Inception1D``.
        taken: the code's weights.
        name: of the block in the code.
        channels: for each of the inputs that are stacked, the code's channels in our order.
    """
    firsts = np.cumsum([0, *(len(part) for part in channels)])
    order = np.concatenate(
        [first + part for first, part in zip(firsts[:-1], channels, strict=True)]
    )
    reduced, reduced_biases, biases = [], [], []
    for i, (kernel, bottleneck, filters) in enumerate(
        zip(layer.kernels, layer.bottlenecks, layer.branch_filters, strict=True)
    ):
        first, second = f"{name}.conv_layers_1.{i}", f"{name}.conv_layers_2.{i}"
        weight = taken(f"{first}.weight", bottleneck, len(order), 1)
        reduced.append(weight[:, order].transpose(2, 1, 0))
        reduced_biases.append(taken(f"{first}.bias", bottleneck))
        size = kernel.shape[0]
        kernel.assign(taken(f"{second}.weight", filters, bottleneck, size).transpose(2, 1, 0))
        biases.append(taken(f"{second}.bias", filters))
    layer.reduce_kernel.assign(np.concatenate(reduced, axis=-1))
    layer.reduce_bias.assign(np.concatenate(reduced_biases))
    layer.bias.assign(np.concatenate(biases))


def _set_normalization(model: Any, d: int, taken: _Taken, name: str) -> None:
    if _has_batch_norm(taken):
        layer = model.get_layer(f"down_{d}_norm")
        parts = ("weight", "bias", "running_mean", "running_var")
        layer.set_weights([taken(f"{name}.{part}", *layer.gamma.shape) for part in parts])
        return
    layer = model.get_layer(f"down_{d}_epilogue")
    width, filters = layer.gamma.shape
    layer.gamma.assign(taken(f"{name}.weight", filters, width).T)
    layer.beta.assign(taken(f"{name}.bias", filters, width).T)


def _set_output(model: Any, taken: _Taken) -> None:
    size, channels, filters = model.get_layer("output").kernel.shape
    kernel = taken("output_conv.weight", filters, channels, size).transpose(2, 1, 0)
    model.get_layer("output").set_weights([kernel, taken("output_conv.bias", filters)])
