import functools

import keras
from keras import layers, ops

from tfaudiogan.losses import TERMS
from tfaudiogan.training.gradients import MultiUpdateModel
from tfaudiogan.training.replicas import replicas


@keras.saving.register_keras_serializable("tfaudiogan")
class AutoencoderTrainer(MultiUpdateModel):
    """Trains an autoencoder to reconstruct its input (section V-A).

    A training step takes a batch of pairs and makes two updates, one on the input sounds and one on
    the target sounds, which converges faster than a single update on both. With a classifier
    weight, a head on the bottleneck's mean over time also learns to tell input from target sounds,
    and its gradient pushes the two apart in the feature space. The paper suggests this extension.

    Args:
        autoencoder: Model to train, with an ``encoder`` attribute.
        frequency_weight: Weight of the power-spectrogram loss, which is added to the time loss.
        classifier_weight: Weight of the head's cross-entropy. The head is left out at 0.

    Raises:
        ValueError: when a weight is negative.
    """

    UPDATES_PER_STEP = 2

    def __init__(
        self,
        autoencoder,
        frequency_weight: float = 0.0,
        classifier_weight: float = 0.0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (
            ("frequency_weight", frequency_weight),
            ("classifier_weight", classifier_weight),
        ):
            if value < 0:
                raise ValueError(f"{name} is {value}; expected 0 or more")
        self.autoencoder = autoencoder
        self.loss_weights = {"time": 1.0}
        if frequency_weight:
            self.loss_weights["frequency"] = frequency_weight
        self.classifier_weight = classifier_weight
        self.trackers = {name: keras.metrics.Mean(name=name) for name in self.loss_weights}
        self.head = None
        if classifier_weight:
            self.head = layers.Dense(1, name="is_target")
            self.head.build((None, autoencoder.encoder.output_shape[-1]))
            self.accuracy = keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)
        self.built = True

    def compile(self, optimizer="adam", **kwargs) -> None:
        """Configure the training as ``keras.Model.compile`` does, with XLA off by default."""
        super().compile(optimizer=optimizer, **{"jit_compile": False, **kwargs})
        self.optimizer.build(self.trainable_variables)

    def call(self, inputs, training=None):
        return self.autoencoder(inputs, training=training)

    def _loss(self, signal, is_target: bool, training: bool):
        output = self.autoencoder(signal, training=training)
        total = 0.0
        for name, weight in self.loss_weights.items():
            value = TERMS[name](output, signal)
            self.trackers[name].update_state(value)
            total = total + weight * value
        if self.head is not None:
            features = ops.mean(self.autoencoder.encoder(signal, training=training), axis=1)
            logits = self.head(features)
            labels = ops.full_like(logits, float(is_target))
            cross_entropy = keras.losses.binary_crossentropy(labels, logits, from_logits=True)
            total = total + self.classifier_weight * ops.mean(cross_entropy)
            self.accuracy.update_state(labels, ops.stop_gradient(logits))
        self._loss_tracker.update_state(total)
        return total

    def step(self, data) -> dict:
        inputs, target, _ = keras.utils.unpack_x_y_sample_weight(data)
        for signal, is_target in ((inputs, False), (target, True)):
            self.update(
                functools.partial(self._loss, signal, is_target, True),
                self.trainable_variables,
                self.optimizer,
            )
        return self.get_metrics_result()

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the mean loss over input and target sounds, which ``evaluate`` reports."""
        return (self._loss(x, False, training) + self._loss(y, True, training)) / 2.0 / replicas()

    def get_config(self):
        return {
            **super().get_config(),
            "autoencoder": keras.saving.serialize_keras_object(self.autoencoder),
            "frequency_weight": self.loss_weights.get("frequency", 0.0),
            "classifier_weight": self.classifier_weight,
        }

    @classmethod
    def from_config(cls, config):
        autoencoder = keras.saving.deserialize_keras_object(config["autoencoder"])
        return cls(**{**config, "autoencoder": autoencoder})
