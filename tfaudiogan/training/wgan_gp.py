from typing import Any

import keras
from keras import ops

from tfaudiogan.config import PENALTIES, LossWeights
from tfaudiogan.losses import ADVERSARIAL, gradient_penalty, relative_gradient
from tfaudiogan.training.composite import CompositeModel
from tfaudiogan.training.gradients import (
    MultiUpdateModel,
    check_backend,
    gradient_by_tensor,
    input_gradient,
    value_and_pullback,
)
from tfaudiogan.training.replicas import replica_part, replicas

_DISCRIMINATOR_LOGS = ("discriminator_loss", "discriminator_distance", "penalty")


@keras.saving.register_keras_serializable("tfaudiogan")
class WGANGP(MultiUpdateModel, CompositeModel):
    """A generator and a discriminator trained against each other (sections IV-A, IV-B, IV-I).

    With the Wasserstein objective the discriminator is a critic. A training step takes
    ``batch * n_critic`` windows. It makes ``n_critic`` updates of the discriminator, each on a
    batch of its own, and then one update of the generator by the composite loss, on the last of
    these batches. ``fit``, ``evaluate``, ``predict``, callbacks and ``save`` work as for any other
    Keras model, on TensorFlow and JAX.

    Besides the loss terms, the training logs hold ``discriminator_loss``,
    ``discriminator_distance`` (the mean score of the target windows minus that of the generated
    windows: for the Wasserstein objective, the estimate of the distance, equation 12) and
    ``penalty`` (the unweighted gradient penalty).

    Args:
        generator: Model that maps ``(batch, window, 1)`` to the same shape.
        discriminator: Model that maps ``(batch, window, 1)`` to scores ``(batch, 1)`` without a
            sigmoid.
        autoencoder: Trained model with an ``encoder`` attribute. It is frozen, and only the
            feature loss uses it.
        weights: Weights of the generator's loss terms.
        n_critic: Number of discriminator updates for each generator update.
        gradient_penalty: Weight of the gradient penalty, lambda_p; 0 turns it off. It applies to
            the Wasserstein objective only.
        penalty_at: Where the discriminator's gradient should have norm 1: at random
            ``"interpolates"`` between target and generated windows (Gulrajani et al. 2017), or at
            ``"generated"`` windows, as in equation 19.
        relative_penalty: Whether to scale that gradient as for windows of level 1
            (``losses.relative_gradient``). Distances between windows are then relative to their
            level.
        weight_clip: Bound on the discriminator's weights (Arjovsky et al. 2017), which replaces the
            penalty.
        objective: ``"wasserstein"`` (equations 18 and 19), or that of the vanilla GAN:
            ``"saturating"`` (equation 3) or ``"non_saturating"`` (equation 4), both with equation 2
            for the discriminator.
        coupling_step: Number of generator updates before the adversarial term joins the loss.
        seed: Seed of the random interpolation.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        generator,
        discriminator,
        autoencoder=None,
        weights: LossWeights | None = None,
        n_critic: int = 5,
        gradient_penalty: float = 10.0,
        penalty_at: str = "interpolates",
        relative_penalty: bool = False,
        weight_clip: float | None = None,
        objective: str = "wasserstein",
        coupling_step: int = 0,
        seed: int | None = None,
        **kwargs,
    ) -> None:
        if not isinstance(n_critic, int) or n_critic < 1:
            raise ValueError(f"n_critic is {n_critic!r}; expected an int of 1 or more")
        if gradient_penalty < 0:
            raise ValueError(f"gradient_penalty is {gradient_penalty}; expected 0 or more")
        if penalty_at not in PENALTIES:
            raise ValueError(f"penalty_at is {penalty_at!r}; choose one of {', '.join(PENALTIES)}")
        if weight_clip is not None and weight_clip <= 0:
            raise ValueError(f"weight_clip is {weight_clip}; expected more than 0, or None")
        if objective not in ADVERSARIAL:
            raise ValueError(f"objective is {objective!r}; choose one of {', '.join(ADVERSARIAL)}")
        check_backend()
        super().__init__(generator, autoencoder, weights, **kwargs)
        self.discriminator = discriminator
        self.n_critic = n_critic
        self.gradient_penalty = gradient_penalty
        self.penalty_at = penalty_at
        self.relative_penalty = relative_penalty
        self.weight_clip = weight_clip
        self.objective = objective
        self.coupling_step = coupling_step
        self.seed = seed
        self.noise = keras.random.SeedGenerator(seed)
        self.discriminator_trackers = {
            name: keras.metrics.Mean(name=name) for name in _DISCRIMINATOR_LOGS
        }
        self.discriminator_optimizer: Any = None
        self._evaluating = False

    @staticmethod
    def default_weights() -> LossWeights:
        """Return the weights of equation 23, as the reference implementation sets them."""
        return LossWeights(time=1.0, frequency=0.0, feature=0.0, adversarial=1e-4)

    @property
    def penalized(self) -> bool:
        """Whether the discriminator's loss has a gradient penalty."""
        return bool(
            self.objective == "wasserstein" and self.gradient_penalty and self.weight_clip is None
        )

    def compile(  # type: ignore[override]
        self, optimizer="adam", discriminator_optimizer="adam", metrics=None, **kwargs
    ) -> None:
        """Configure the training, with a separate optimizer for each network."""
        super().compile(optimizer=optimizer, metrics=metrics, **kwargs)
        self.discriminator_optimizer = keras.optimizers.get(discriminator_optimizer)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def get_compile_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            "optimizer": serialize(self.optimizer),
            "discriminator_optimizer": serialize(self.discriminator_optimizer),
        }

    def compile_from_config(self, config):
        deserialize = keras.saving.deserialize_keras_object
        self.compile(
            optimizer=deserialize(config["optimizer"]),
            discriminator_optimizer=deserialize(config["discriminator_optimizer"]),
        )

    def effective_weight(self, name, weight):
        if name == "adversarial" and self.coupling_step:
            coupled = self.optimizer.iterations >= self.coupling_step
            return weight * ops.cast(coupled, "float32")
        return weight

    def compute_term(self, name, generated, target, training):
        if name == "adversarial":
            generator_loss, _ = ADVERSARIAL[self.objective]
            return generator_loss(self.discriminator(generated, training=training))
        return super().compute_term(name, generated, target, training)

    def discriminator_loss(self, generated, target, mix=None):
        """Return the discriminator's loss: equation 19, or equation 2 for the vanilla GAN.

        Args:
            generated, target: Windows, ``(batch, window, 1)``.
            mix: Share of the target in each interpolate, ``(batch, 1, 1)`` in [0, 1]. It is drawn
                from the model's seed by default.
        """
        _, discriminator_loss = ADVERSARIAL[self.objective]
        score_target = self.discriminator(target, training=True)
        score_generated = self.discriminator(generated, training=True)
        loss = discriminator_loss(score_target, score_generated)
        distance = ops.mean(score_target) - ops.mean(score_generated)
        self.discriminator_trackers["discriminator_distance"].update_state(distance)
        if self.penalized:
            if self.penalty_at == "interpolates":
                if mix is None:
                    windows = ops.shape(target)[0] * replicas()
                    mix = replica_part(keras.random.uniform((windows, 1, 1), seed=self.noise))
                place = mix * target + (1.0 - mix) * generated
            else:
                place = generated
            gradient = input_gradient(lambda x: self.discriminator(x, training=True), place)
            if self.relative_penalty:
                gradient = relative_gradient(gradient, place)
            penalty = gradient_penalty(gradient)
            self.discriminator_trackers["penalty"].update_state(penalty)
            loss = loss + self.gradient_penalty * penalty
        self.discriminator_trackers["discriminator_loss"].update_state(loss)
        return loss

    def _generate(self, inputs):
        """Return generated windows in float32, whatever precision the generator computes in."""
        return ops.cast(self.generator(inputs, training=True), "float32")

    def _update_discriminator(self, generated, target) -> None:
        self.update(
            lambda: self.discriminator_loss(generated, target),
            self.discriminator.trainable_variables,
            self.discriminator_optimizer,
        )
        if self.weight_clip is not None:
            for variable in self.discriminator.trainable_variables:
                variable.assign(ops.clip(variable, -self.weight_clip, self.weight_clip))

    def _generator_loss(self, inputs, generated, target):
        loss = self.weighted_loss(generated, target, training=True)
        self._loss_tracker.update_state(loss)
        self.compute_metrics(inputs, target, ops.stop_gradient(generated))
        return loss / replicas()

    def step(self, data) -> dict:
        inputs, target, _ = keras.utils.unpack_x_y_sample_weight(data)
        if inputs.shape[0] is not None and inputs.shape[0] % self.n_critic:
            raise ValueError(
                f"a batch of {inputs.shape[0]} windows; "
                f"expected a multiple of n_critic = {self.n_critic}"
            )
        shape = (-1, self.n_critic, *inputs.shape[1:])
        inputs, target = ops.reshape(inputs, shape), ops.reshape(target, shape)
        for update in range(self.n_critic - 1):
            generated = ops.stop_gradient(self._generate(inputs[:, update]))
            self._update_discriminator(generated, target[:, update])
        self._update_both(inputs[:, -1], target[:, -1])
        return self.get_metrics_result()

    def _update_both(self, inputs, target) -> None:
        """Make the last discriminator update and the generator's on the same generated windows."""
        variables, state = self.generator.trainable_variables, self.state(self.optimizer)
        generated, pullback = value_and_pullback(lambda: self._generate(inputs), variables, state)
        generated = ops.stop_gradient(generated)
        self._update_discriminator(generated, target)
        gradient = gradient_by_tensor(
            lambda windows: self._generator_loss(inputs, windows, target), generated, state
        )
        if variables:
            self.optimizer.apply(pullback(gradient), variables)

    def evaluate(self, *arguments, **options):
        """Evaluate as Keras does, without the discriminator's logs, which belong to training."""
        self._evaluating = True
        try:
            return super().evaluate(*arguments, **options)
        finally:
            self._evaluating = False

    def get_metrics_result(self):
        logs = super().get_metrics_result()
        if self._evaluating:
            logs = {name: value for name, value in logs.items() if name not in _DISCRIMINATOR_LOGS}
        return logs

    @property
    def non_trainable_variables(self):
        """The variables that Keras's trainer carries along without training them.

        Under JAX they include those of the discriminator's optimizer, as the trainer carries the
        state of one optimizer only.
        """
        variables = super().non_trainable_variables
        if check_backend() == "jax" and self.discriminator_optimizer is not None:
            variables = variables + self.discriminator_optimizer.variables
        return variables

    def get_config(self):
        return {
            **super().get_config(),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "n_critic": self.n_critic,
            "gradient_penalty": self.gradient_penalty,
            "penalty_at": self.penalty_at,
            "relative_penalty": self.relative_penalty,
            "weight_clip": self.weight_clip,
            "objective": self.objective,
            "coupling_step": self.coupling_step,
            "seed": self.seed,
        }
