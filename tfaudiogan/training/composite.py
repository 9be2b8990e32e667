import dataclasses
import sys

import keras

from tfaudiogan.config import SPECTRUM_WINDOW, LossWeights
from tfaudiogan.losses import TERMS, feature_loss
from tfaudiogan.metrics import LSD, SNR
from tfaudiogan.training.replicas import ReplicatedModel, replicas


def _has_gpu_with_xla() -> bool:
    import tensorflow as tf

    # TensorFlow has no XLA for Apple's GPUs.
    return sys.platform != "darwin" and bool(tf.config.list_logical_devices("GPU"))


@keras.saving.register_keras_serializable("tfaudiogan")
class CompositeModel(ReplicatedModel):
    """A generator that learns from a weighted sum of losses (equations 20 to 22).

    ``fit``, ``evaluate``, ``predict`` and ``save`` work as for any other Keras model, on any
    backend. The logs hold ``loss`` and each term's unweighted value under the term's name.

    Args:
        generator: Model that maps ``(batch, window, 1)`` to the same shape.
        autoencoder: Trained model with an ``encoder`` attribute. It is frozen, and only the
            feature loss uses it.
        weights: Weights of the loss terms.

    Raises:
        TypeError: If ``weights`` is not a ``LossWeights``.
        ValueError: If the feature weight is not 0 and there is no autoencoder. ``compile`` raises
            it if a network computes in float16.
    """

    def __init__(
        self, generator, autoencoder=None, weights: LossWeights | None = None, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        weights = self.default_weights() if weights is None else weights
        if not isinstance(weights, LossWeights):
            raise TypeError(f"weights is {weights!r}; expected a LossWeights")
        if weights.feature and autoencoder is None:
            raise ValueError(f"the feature weight is {weights.feature}; give an autoencoder")
        self.generator = generator
        self.autoencoder = autoencoder
        if autoencoder is not None:
            autoencoder.trainable = False
        self.weights_of_losses = weights
        self.term_trackers = {name: keras.metrics.Mean(name=name) for name in weights.active()}
        self.built = True

    @staticmethod
    def default_weights() -> LossWeights:
        """Return the weights of equation 20, which has only the time loss."""
        return LossWeights()

    def compile(self, optimizer="adam", metrics=None, jit_compile=None, **kwargs) -> None:
        """Configure the training as ``keras.Model.compile`` does.

        The default metrics are SNR and LSD, or SNR alone if the windows are too short for a
        spectrum. ``jit_compile`` is on by default where it is faster: under JAX, and under
        TensorFlow on a single GPU. On a CPU, XLA makes a training step several times slower than
        oneDNN's kernels, and replicas do not support it.
        """
        if metrics is None:
            samples = self.generator.output_shape[1]
            metrics = [SNR()] if samples and samples < SPECTRUM_WINDOW else [SNR(), LSD()]
        if jit_compile is None:
            backend = keras.backend.backend()
            jit_compile = backend == "jax" or (
                backend == "tensorflow" and _has_gpu_with_xla() and replicas() == 1
            )
        super().compile(optimizer=optimizer, metrics=metrics, jit_compile=jit_compile, **kwargs)
        self.optimizer.build(self.generator.trainable_variables)
        if metrics:
            # Keras builds them at the first batch, but a checkpoint is loaded before that.
            signal = keras.KerasTensor(self.generator.output_shape)
            self._compile_metrics.build(signal, signal)

    def call(self, inputs, training=None):
        return self.generator(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return this replica's share of ``weighted_loss``."""
        return self.weighted_loss(y_pred, y, training) / replicas()

    def weighted_loss(self, generated, target, training: bool):
        """Return the weighted sum of the terms; each unweighted term is tracked under its name."""
        total = 0.0
        for name, weight in self.weights_of_losses.active().items():
            value = self.compute_term(name, generated, target, training)
            self.term_trackers[name].update_state(value)
            total = total + self.effective_weight(name, weight) * value
        return total

    def compute_term(self, name: str, generated, target, training: bool):
        """Return the unweighted value of one term, a scalar."""
        if name == "feature":
            encoder = self.autoencoder.encoder
            return feature_loss(encoder(generated, training=False), encoder(target, training=False))
        return TERMS[name](generated, target)

    def effective_weight(self, name: str, weight: float):
        """Return the weight of a term at this step. A subclass may schedule it."""
        return weight

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "generator": serialize(self.generator),
            "autoencoder": self.autoencoder and serialize(self.autoencoder),
            "weights": dataclasses.asdict(self.weights_of_losses),
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("generator", "discriminator", "autoencoder"):
            if config.get(name) is not None:
                config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**{**config, "weights": LossWeights(**config["weights"])})
