"""The networks of the paper's code in plain NumPy, and weights for them under that code's names.

Written from its published structure (https://github.com/stegmuel/audio-super-resolution) for one
signal at a time, in float64, channels first: ``(channels, width)``. Weights have PyTorch's shapes:
``(filters, channels, kernel size)`` of a convolution, ``(outputs, inputs)`` of a linear layer.
"""

import numpy as np

KERNEL_SIZES = (3, 9, 27, 81)
SHARES = (24, 24, 8, 8)
VARIANCE_EPSILON = 1e-5
LEAK = 0.2


def conv1d(x, weight, bias):
    """As ``torch.nn.Conv1d`` of an odd kernel with ``(kernel size - 1) // 2`` zeros at each end."""
    filters, _, size = weight.shape
    padded = np.pad(x, ((0, 0), ((size - 1) // 2, size // 2)))
    output = np.zeros((filters, x.shape[1]))
    for tap in range(size):
        output += weight[:, :, tap] @ padded[:, tap : tap + x.shape[1]]
    return output + bias[:, np.newaxis]


def pixel_shuffle(x, ratio=2, blocked=False):
    """Sample ``w * ratio + p`` of channel ``c`` from channel ``c * ratio + p``.

    If blocked, from channel ``p * channels / ratio + c``.
    """
    channels = len(x) // ratio
    output = np.zeros((channels, x.shape[1] * ratio))
    for c in range(channels):
        for p in range(ratio):
            output[c, p::ratio] = x[p * channels + c if blocked else c * ratio + p]
    return output


def pixel_unshuffle(x, ratio=2):
    output = np.zeros((len(x) * ratio, x.shape[1] // ratio))
    for c, signal in enumerate(x):
        for p in range(ratio):
            output[c * ratio + p] = signal[p::ratio]
    return output


def prelu(x, slopes):
    return np.where(x > 0, x, slopes[:, np.newaxis] * x)


def leaky_relu(x):
    return np.where(x > 0, x, LEAK * x)


def inception(x, weights, name):
    branches = []
    for i in range(len(KERNEL_SIZES)):
        first, second = f"{name}.conv_layers_1.{i}", f"{name}.conv_layers_2.{i}"
        reduced = conv1d(x, weights[f"{first}.weight"], weights[f"{first}.bias"])
        branches.append(conv1d(reduced, weights[f"{second}.weight"], weights[f"{second}.bias"]))
    return np.concatenate(branches)


def down_block(x, weights, name):
    x = prelu(inception(x, weights, name), weights[f"{name}.activation.weight"])
    return pixel_unshuffle(x)


def up_block(x, weights, name, blocked):
    x = prelu(inception(x, weights, name), weights[f"{name}.activation.weight"])
    return pixel_shuffle(x, blocked=blocked)


def generator(x, weights, blocks, blocked=False):
    """From ``(width,)`` to the same, without dropout."""
    x, skips = x[np.newaxis], []
    for d in range(1, blocks + 1):
        x = down_block(x, weights, f"down_block_{d}")
        skips.append(x)
    skips.pop()
    for d in range(1, blocks + 1):
        x = up_block(x, weights, f"up_block_{d}", blocked)
        if skips:
            x = np.concatenate([x, skips.pop()])
    return np.tanh(conv1d(x, weights["output_conv.weight"], weights["output_conv.bias"])[0])


def autoencoder(x, weights, blocks):
    """From ``(width,)`` to the same and the embedding, ``(channels, width / 2**blocks)``."""
    x = x[np.newaxis]
    for d in range(blocks):
        x = down_block(x, weights, f"encoder.{d}")
    embedding = x
    for d in range(blocks):
        x = up_block(x, weights, f"decoder.{d}", blocked=False)
    return conv1d(x, weights["output_conv.weight"], weights["output_conv.bias"])[0], embedding


def discriminator(x, weights, blocks):
    """From ``(width,)`` to a score, without dropout; of layer or batch norm as the names say."""
    x = leaky_relu(inception(x[np.newaxis], weights, "in_block"))
    for d in range(blocks):
        name = f"mid_blocks.{d}"
        x = inception(x, weights, name)
        scale, offset = (weights[f"{name}.normalization.{part}"] for part in ("weight", "bias"))
        if f"{name}.normalization.running_mean" in weights:
            mean = weights[f"{name}.normalization.running_mean"][:, np.newaxis]
            variance = weights[f"{name}.normalization.running_var"][:, np.newaxis]
            scale, offset = scale[:, np.newaxis], offset[:, np.newaxis]
        else:
            mean, variance = x.mean(), x.var()
        x = (x - mean) / np.sqrt(variance + VARIANCE_EPSILON) * scale + offset
        x = pixel_unshuffle(leaky_relu(x))
    x = leaky_relu(weights["out_block.fc_1.weight"] @ x.ravel() + weights["out_block.fc_1.bias"])
    return weights["out_block.fc_2.weight"] @ x + weights["out_block.fc_2.bias"]


class Drawn:
    """Random weights, float32, that keep a signal's level about where it is."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.weights = {}

    def layer(self, name, *shape):
        """A convolution or linear layer with its bias."""
        scale = 1 / np.sqrt(np.prod(shape[1:]))
        self.weights[f"{name}.weight"] = (scale * self.rng.normal(size=shape)).astype("f4")
        self.weights[f"{name}.bias"] = (0.1 * self.rng.normal(size=shape[0])).astype("f4")

    def inception(self, name, channels, filters, reduction):
        for kind in (1, 2):
            for i, (size, share) in enumerate(zip(KERNEL_SIZES, SHARES, strict=True)):
                branch = filters * share // sum(SHARES)
                bottleneck = max(1, branch // reduction)
                shape = (bottleneck, channels, 1) if kind == 1 else (branch, bottleneck, size)
                self.layer(f"{name}.conv_layers_{kind}.{i}", *shape)

    def block(self, name, channels, filters, reduction, unused):
        """A block with its unused convolution, which the code makes and never calls."""
        self.inception(name, channels, filters, reduction)
        wider = 2 * filters if unused == "superpixel" else filters
        self.layer(f"{name}.{unused}.conv_layer", wider, wider, 1)
        slopes = 0.25 + 0.1 * self.rng.normal(size=filters)
        self.weights[f"{name}.activation.weight"] = slopes.astype("f4")


def drawn_generator(seed=0, blocks=3, d_max=1, base_filters=16, reduction=4):
    drawn = Drawn(seed)
    filters = [base_filters * 2 ** min(d, d_max) for d in range(blocks)]
    channels = 1
    for d in range(blocks):
        drawn.block(f"down_block_{d + 1}", channels, filters[d], reduction, "superpixel")
        channels = 2 * filters[d]
    for d in range(blocks):
        level = blocks - 1 - d
        drawn.block(f"up_block_{d + 1}", channels, filters[level], reduction, "subpixel")
        channels = filters[level] // 2 + (2 * filters[level - 1] if level else 0)
    drawn.layer("output_conv", 1, channels, 27)
    return drawn.weights


def drawn_autoencoder(seed=0, blocks=2, base_filters=16, reduction=4):
    drawn = Drawn(seed)
    channels = 1
    for d in range(blocks):
        drawn.block(f"encoder.{d}", channels, base_filters, reduction, "superpixel")
        channels = 2 * base_filters
    for d in range(blocks):
        drawn.block(f"decoder.{d}", channels, base_filters, reduction, "subpixel")
        channels = base_filters // 2
    drawn.layer("output_conv", 1, channels, 27)
    return drawn.weights


def drawn_discriminator(
    seed=0, window=64, blocks=3, base_filters=16, reduction=16, units=8, batch_norm=False
):
    drawn = Drawn(seed)
    drawn.inception("in_block", 1, base_filters, reduction)
    channels, width = base_filters, window
    for d in range(blocks):
        name = f"mid_blocks.{d}"
        drawn.inception(name, channels, base_filters, reduction)
        shape = (base_filters,) if batch_norm else (base_filters, width)
        statistics = ("running_mean", "running_var") if batch_norm else ()
        for part in ("weight", "bias", *statistics):
            values = 0.1 * drawn.rng.normal(size=shape)
            positive = part in ("weight", "running_var")
            values = (1 if positive else 0) + values
            drawn.weights[f"{name}.normalization.{part}"] = values.astype("f4")
        if batch_norm:
            count = np.array(7, dtype=np.int64)
            drawn.weights[f"{name}.normalization.num_batches_tracked"] = count
        drawn.layer(f"{name}.superpixel.conv_layer", 2 * base_filters, 2 * base_filters, 1)
        channels, width = 2 * base_filters, width // 2
    drawn.layer("out_block.fc_1", units, channels * width)
    drawn.layer("out_block.fc_2", 1, units)
    return drawn.weights
