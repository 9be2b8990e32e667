"""Count the floating-point operations of networks from their layers.

The count includes the multiplications and additions of convolutions and dense layers in their plain
form, however they are implemented. It excludes activations, normalization and the addition of
biases.
"""

import keras

from tfaudiogan.layers import Inception1D


def forward_operations(model: keras.Model) -> float:
    """Return the operations of a forward pass of one window, including nested models."""
    return sum(_layer_operations(layer) for layer in model.layers)


def step_operations(generator: keras.Model, critic: keras.Model, n_critic: int) -> float:
    """Return the operations of a WGAN-GP step per window of its generator update.

    A backward pass costs two forward passes: the gradients of inputs and of weights. Hence:

    - the generator: one forward for each critic update; backward through the last of them;
    - the critic, in each of its updates: forward and backward over targets and over generated
      windows, 6; and the penalty: forward, gradient of the input, and backward through both, 6;
    - the critic in the generator's update: forward, and the gradient of its input alone.
    """
    return forward_operations(generator) * (n_critic + 2) + forward_operations(critic) * (
        12 * n_critic + 2
    )


def _layer_operations(layer: keras.layers.Layer) -> float:
    if isinstance(layer, keras.Model):
        return forward_operations(layer)
    if isinstance(layer, keras.layers.Dense):
        return 2.0 * layer.kernel.shape[0] * layer.kernel.shape[1]
    if isinstance(layer, keras.layers.Conv1D):
        return 2.0 * layer.output.shape[1] * _size(layer.kernel)
    if isinstance(layer, Inception1D):
        kernels = [layer.reduce_kernel, *layer.kernels]
        return 2.0 * layer.output.shape[1] * sum(_size(kernel) for kernel in kernels)
    return 0.0


def _size(kernel) -> int:
    size = 1
    for length in kernel.shape:
        size *= length
    return size
