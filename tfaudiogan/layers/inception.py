from collections.abc import Sequence
from itertools import accumulate

import keras
from keras import ops

from tfaudiogan.layers.cpu.folding import folded_convolution
from tfaudiogan.layers.rearrangement import check_rank_3, in_blocks


def _split(tensor, sizes: Sequence[int], axis: int = -1) -> list:
    if len(sizes) == 1:
        return [tensor]
    return ops.split(tensor, list(accumulate(sizes))[:-1], axis=axis)


def _listed(shape) -> list:
    """Return the shapes of a layer's inputs, of which there may be one or several."""
    return list(shape) if isinstance(shape[0], (list, tuple)) else [shape]


@keras.saving.register_keras_serializable("tfaudiogan")
class Inception1D(keras.layers.Layer):
    """Parallel convolutions of several kernel sizes, each after a 1x1 bottleneck (IV-D, Fig. 2).

    A branch of ``f`` filters reduces the channels to ``max(1, f // reduction)`` by a 1x1
    convolution, and then convolves with its kernel. Both convolutions have "same" padding, a bias
    and no activation. The 1x1 convolutions of all branches are computed as one.

    Args:
        filters: output channels of all branches together.
        kernel_sizes: kernel size of each branch, in samples.
        branch_ratio: proportions in which the branches share ``filters``.
        reduction: filters of a branch for each channel of its bottleneck.
        kernel_initializer: initializer of all kernels; the 1x1 kernels are drawn branch by branch.
        phases: ratio of the interleaved subpixel layer that follows; 1 without one. The weights
            keep the order of the filters, but the output has them in blocks: filter
            ``c * phases + p`` is channel ``p * filters / phases + c``. A blocked subpixel layer,
            which is a reshape, then gives what an interleaved one would give. The kernels are
            reordered, not the signals.

    Input shape: ``(batch, width, channels)``, width and batch known or not; or a list of such
    tensors, which are processed like their concatenation along the channels, but without a copy.

    Output shape: ``(batch, width, filters)``.

    Raises:
        TypeError: if a size is not an int.
        ValueError: if a size is below 1, ``kernel_sizes`` and ``branch_ratio`` differ in length, a
            branch's share of ``filters`` is not a whole number, or the phases do not divide
            ``filters``.

    Example: 64 filters give branches of 24, 24, 8 and 8; with ``reduction=4``, bottlenecks of
    6, 6, 2 and 2 channels.
    """

    def __init__(
        self,
        filters: int,
        kernel_sizes: Sequence[int] = (3, 9, 27, 81),
        branch_ratio: Sequence[int] = (24, 24, 8, 8),
        reduction: int = 16,
        kernel_initializer="he_normal",
        phases: int = 1,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (
            ("filters", filters),
            ("reduction", reduction),
            ("phases", phases),
            *(("kernel_sizes", size) for size in kernel_sizes),
            *(("branch_ratio", share) for share in branch_ratio),
        ):
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} holds {value!r}; expected an int")
            if value < 1:
                raise ValueError(f"{name} holds {value}; expected 1 or more")
        if not kernel_sizes or len(kernel_sizes) != len(branch_ratio):
            raise ValueError(
                f"kernel_sizes is {tuple(kernel_sizes)} and branch_ratio {tuple(branch_ratio)}; "
                "expected one share for each kernel"
            )
        total = sum(branch_ratio)
        if any(filters * share % total for share in branch_ratio):
            raise ValueError(
                f"filters is {filters}; its shares {tuple(branch_ratio)} of {total} are not whole "
                "numbers; choose another number of filters"
            )
        if filters % phases:
            raise ValueError(f"filters is {filters}; expected a multiple of the {phases} phases")
        self.filters = filters
        self.phases = phases
        self.kernel_sizes = tuple(kernel_sizes)
        self.branch_ratio = tuple(branch_ratio)
        self.reduction = reduction
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.branch_filters = tuple(filters * share // total for share in branch_ratio)
        self.bottlenecks = tuple(max(1, f // reduction) for f in self.branch_filters)

    def build(self, input_shape) -> None:
        shapes = [check_rank_3(shape, "Inception1D") for shape in _listed(input_shape)]
        self.reduce_kernel = self.add_weight(
            name="reduce_kernel",
            shape=(1, sum(channels for _, _, channels in shapes), sum(self.bottlenecks)),
            initializer=self._initial_reduction,
        )
        self.reduce_bias = self.add_weight(
            name="reduce_bias", shape=(sum(self.bottlenecks),), initializer="zeros"
        )
        self.kernels = []
        for size, bottleneck, filters in zip(
            self.kernel_sizes, self.bottlenecks, self.branch_filters, strict=True
        ):
            self.kernels.append(
                self.add_weight(
                    name=f"kernel_{size}",
                    shape=(size, bottleneck, filters),
                    initializer=self.kernel_initializer.clone(),
                )
            )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def _initial_reduction(self, shape, dtype=None):
        return ops.concatenate(
            [
                self.kernel_initializer.clone()((1, shape[1], bottleneck), dtype=dtype)
                for bottleneck in self.bottlenecks
            ],
            axis=-1,
        )

    def call(self, inputs):
        parts = _split(self._reduce(inputs), self.bottlenecks)
        biases = _split(self.bias, self.branch_filters)
        if any(filters % self.phases for filters in self.branch_filters):
            return in_blocks(self._convolved(parts, self.kernels, biases), self.phases)
        kernels = [in_blocks(kernel, self.phases) for kernel in self.kernels]
        return self._convolved(parts, kernels, [in_blocks(b, self.phases) for b in biases], True)

    def _convolved(self, parts, kernels, biases, each_in_blocks: bool = False):
        """The branches side by side, those of each phase together if they are in blocks."""
        branches = [
            folded_convolution(part, kernel, bias)
            for part, kernel, bias in zip(parts, kernels, biases, strict=True)
        ]
        if not each_in_blocks or self.phases == 1:
            return ops.concatenate(branches, axis=-1)
        batch, width, _ = ops.shape(branches[0])
        known = parts[0].shape[1]
        longer = (-1, known * self.phases) if known else (batch, width * self.phases)
        in_time = [
            ops.reshape(branch, (*longer, filters // self.phases))
            for branch, filters in zip(branches, self.branch_filters, strict=True)
        ]
        shape = (-1, known, self.filters) if known else (batch, width, self.filters)
        return ops.reshape(ops.concatenate(in_time, axis=-1), shape)

    def _reduce(self, inputs):
        tensors = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        channels = [tensor.shape[-1] for tensor in tensors]
        kernels = _split(ops.convert_to_tensor(self.reduce_kernel), channels, axis=1)
        reduced = folded_convolution(tensors[0], kernels[0], self.reduce_bias, ratio=1)
        for tensor, kernel in zip(tensors[1:], kernels[1:], strict=True):
            reduced = reduced + folded_convolution(tensor, kernel, ratio=1)
        return reduced

    def compute_output_shape(self, input_shape):
        batch, width, _ = check_rank_3(_listed(input_shape)[0], "Inception1D")
        return (batch, width, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_sizes": self.kernel_sizes,
            "branch_ratio": self.branch_ratio,
            "reduction": self.reduction,
            "phases": self.phases,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
