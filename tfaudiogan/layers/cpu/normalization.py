"""Layer normalization, dropout and a leaky ReLU in few passes, with gradients to second order.

A critic's gradient penalty needs the gradient of a gradient. The gradients are written out here,
since those that are derived operation by operation take two to three times as long. Gradients of
the weights' gradients and of third order are not implemented; asking for them is an error.

Notation: ``n = (x - mean) * inverse`` is the normalized input, ``<v>`` the mean of ``v`` over a
sample, and ``P(v) = inverse * (v - <v> - n <v n>)`` the derivative of ``n``, which is symmetric.
The outputs are ``a * (gamma * n + beta)``, where ``a`` are the slopes of dropout and ReLU, so the
gradient of ``x`` is ``P(h)`` with ``h = gamma * a * upstream``. Given a gradient ``u`` of
``P(h)``, the gradient of ``h`` is ``P(u)``, and the gradient of ``x`` is ::

    -inverse * (inverse * Q * n + <u n> P(h) + <h n> P(u)),    Q = <u h> - <u> <h> - <u n> <h n>
"""

import functools
from collections.abc import Callable

from keras import ops

from tfaudiogan.layers.cpu.fused import compiled

EPSILON = 1e-3
SUM_PARTS = 16
"""Parts of a sum, which the CPU's vector units can add up in parallel."""


@functools.cache
def normalized_in_few_passes(slope: float, kept_scale: float, epsilon: float = EPSILON) -> Callable:
    """Return a function for layer normalization, scale and offset, dropout, and a leaky ReLU.

    Args:
        slope: slope of the ReLU below zero.
        kept_scale: factor of the values that dropout keeps.
        epsilon: number that is added to the variance.

    Returns:
        A function of ``x`` ``(batch, parts, width / parts, channels)``, ``gamma`` and ``beta`` of
        one sample's shape and, for dropout, whether to keep each value of ``x``.
    """
    import tensorflow as tf

    def slopes(normal, gamma, beta, kept):
        factor = ops.where(gamma * normal + beta > 0, 1.0, slope)
        return factor * (ops.cast(kept[0], "float32") * kept_scale) if kept else factor

    def forward(x, gamma, beta, *kept):
        values, gamma, beta = _single(x, gamma, beta)
        mean = _mean(values)
        inverse = ops.rsqrt(_mean(ops.square(values - mean)) + epsilon)
        normal = (values - mean) * inverse
        outputs = slopes(normal, gamma, beta, kept) * (gamma * normal + beta)
        return ops.cast(outputs, x.dtype), mean, inverse

    def times_slopes(x, gamma, beta, mean, inverse, upstream, *kept):
        values, gamma, beta, upstream = _single(x, gamma, beta, upstream)
        return slopes((values - mean) * inverse, gamma, beta, kept) * upstream

    @tf.custom_gradient
    def by_affine(x, gamma, beta, mean, inverse, upstream, *kept):
        result = compiled(times_slopes)(x, gamma, beta, mean, inverse, upstream, *kept)

        def gradient(again):
            by_upstream = by_affine(x, gamma, beta, mean, inverse, again, *kept)
            others = [None] * len(kept)
            return *[None] * 5, ops.cast(by_upstream, upstream.dtype), *others

        return result, gradient

    @tf.custom_gradient
    def run(x, gamma, beta, *kept):
        outputs, mean, inverse = compiled(forward)(x, gamma, beta, *kept)

        def gradient(upstream):
            affine = by_affine(x, gamma, beta, mean, inverse, upstream, *kept)
            by_x = _by_x(x, gamma, mean, inverse, affine)
            by_gamma, by_beta = compiled(_by_weights)(x, mean, inverse, affine)
            by_weights = ops.cast(by_gamma, gamma.dtype), ops.cast(by_beta, beta.dtype)
            return by_x, *by_weights, *[None] * len(kept)

        return outputs, gradient

    return run


def _by_x(x, gamma, mean, inverse, affine):
    """Return the gradient of ``x``, given that of ``gamma * n + beta``."""
    import tensorflow as tf

    @tf.custom_gradient
    def differentiable(x, gamma, affine):
        result, *means = compiled(_first)(x, gamma, mean, inverse, affine)

        def gradient(again):
            return compiled(_second)(x, gamma, mean, inverse, affine, *means, again)

        return result, gradient

    return differentiable(x, gamma, affine)


def _first(x, gamma, mean, inverse, affine):
    values, gamma = _single(x, gamma)
    normal = (values - mean) * inverse
    h = gamma * affine
    means = _mean(h), _mean(h * normal)
    return ops.cast(_projected(h, *means, normal, inverse), x.dtype), *means


def _second(x, gamma, mean, inverse, affine, mean_h, mean_hn, again):
    values, scale, u = _single(x, gamma, again)
    normal = (values - mean) * inverse
    h = scale * affine
    mean_u, mean_un = _mean(u), _mean(u * normal)
    q = _mean(u * h) - mean_u * mean_h - mean_un * mean_hn
    projected_h = _projected(h, mean_h, mean_hn, normal, inverse)
    projected_u = _projected(u, mean_u, mean_un, normal, inverse)
    by_x = -inverse * (inverse * q * normal + mean_un * projected_h + mean_hn * projected_u)
    by_gamma = ops.sum(affine * projected_u, axis=0, keepdims=True)
    return ops.cast(by_x, x.dtype), ops.cast(by_gamma, gamma.dtype), scale * projected_u


def _by_weights(x, mean, inverse, affine):
    normal = (ops.cast(x, "float32") - mean) * inverse
    return tuple(ops.sum(values, axis=0, keepdims=True) for values in (affine * normal, affine))


def _single(*tensors) -> list:
    return [ops.cast(tensor, "float32") for tensor in tensors]


def _projected(values, mean, mean_normal, normal, inverse):
    return inverse * (values - mean - normal * mean_normal)


def _mean(x):
    """Compute the mean over a sample, ``(batch, 1, 1, 1)``.

    XLA vectorizes a sum only along an axis that it keeps, and would merge two consecutive sums into
    one. The sum is therefore taken in two steps, with a factor in between.
    """
    _, parts, width, channels = x.shape
    part = ops.sum(x, axis=1, keepdims=True) * (1 / (parts * width * channels))
    return ops.sum(part, axis=(2, 3), keepdims=True)
