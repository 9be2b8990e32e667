from typing import Any

import keras
from keras import ops

from tfaudiogan.config import LossWeights
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

PENALTIES = ("interpolates", "generated")
_CRITIC_LOGS = ("critic_loss", "critic_distance", "penalty")


@keras.saving.register_keras_serializable("tfaudiogan")
class WGANGP(MultiUpdateModel, CompositeModel):
    """A generator and a critic that learn against each other (sections IV-A, IV-B, IV-I).

    A training step takes ``batch * n_critic`` windows: ``n_critic`` critic updates on windows of
    their own, then one update of the generator by the composite loss, on the last of them. ``fit``,
    ``evaluate``, ``predict``, callbacks and ``save`` work as for any other Keras model, on
    TensorFlow and JAX.

    Besides the loss terms the training logs hold ``critic_loss``, ``critic_distance`` (the mean
    score of targets minus that of generated windows: for the Wasserstein objective, the estimate
    of the distance, equation 12) and ``penalty`` (before its weight).

    Args:
        generator: maps ``(batch, window, 1)`` to the same shape.
        discriminator: maps ``(batch, window, 1)`` to scores ``(batch, 1)`` without a sigmoid.
        autoencoder: has an ``encoder``; frozen, and used by the feature loss alone.
        weights: of the generator's loss terms.
        n_critic: critic updates for each generator update.
        gradient_penalty: weight of the penalty, lambda_p; 0 is off. Wasserstein only.
        penalty_at: where the critic's gradient should have norm 1: at random ``"interpolates"``
            between target and generated windows (Gulrajani et al. 2017), or at ``"generated"``
            windows, as equation 19 has it.
        relative_penalty: take that gradient for windows of level 1 (``losses.relative_gradient``);
            the distance is then one between windows relative to their level.
        weight_clip: bound on the critic's weights (Arjovsky et al. 2017), in place of the penalty.
        objective: ``"wasserstein"`` (equations 18 and 19), or the vanilla GAN, ``"saturating"``
            (equation 3) or ``"non_saturating"`` (equation 4), with equation 2 for the critic.
        coupling_step: generator updates before the critic's feedback joins the loss.
        seed: of the interpolation's noise.

    Raises:
        ValueError: for a size, objective or place out of range.
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
        self.critic_trackers = {name: keras.metrics.Mean(name=name) for name in _CRITIC_LOGS}
        self.discriminator_optimizer: Any = None
        self._evaluating = False

    @staticmethod
    def default_weights() -> LossWeights:
        """Equation 23 with the reference implementation's weight."""
        return LossWeights(time=1.0, frequency=0.0, feature=0.0, adversarial=1e-4)

    @property
    def penalized(self) -> bool:
        """Whether the critic's loss has a gradient penalty."""
        return bool(
            self.objective == "wasserstein" and self.gradient_penalty and self.weight_clip is None
        )

    def compile(  # type: ignore[override]
        self, optimizer="adam", discriminator_optimizer="adam", metrics=None, **kwargs
    ) -> None:
        """Each side has an optimiser of its own, which counts its own iterations."""
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

    def critic_loss(self, generated, target, mix=None):
        """Equation 19, or 2 for the vanilla GAN.

        Args:
            generated, target: ``(batch, window, 1)``.
            mix: the share of the target in each interpolate, ``(batch, 1, 1)`` in [0, 1]; drawn
                from the model's seed unless given.
        """
        _, critic_loss = ADVERSARIAL[self.objective]
        score_target = self.discriminator(target, training=True)
        score_generated = self.discriminator(generated, training=True)
        loss = critic_loss(score_target, score_generated)
        distance = ops.mean(score_target) - ops.mean(score_generated)
        self.critic_trackers["critic_distance"].update_state(distance)
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
            self.critic_trackers["penalty"].update_state(penalty)
            loss = loss + self.gradient_penalty * penalty
        self.critic_trackers["critic_loss"].update_state(loss)
        return loss

    def _generate(self, inputs):
        """In float32, whatever the generator computes in."""
        return ops.cast(self.generator(inputs, training=True), "float32")

    def _update_critic(self, generated, target) -> None:
        self.update(
            lambda: self.critic_loss(generated, target),
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
            self._update_critic(generated, target[:, update])
        self._update_both(inputs[:, -1], target[:, -1])
        return self.get_metrics_result()

    def _update_both(self, inputs, target) -> None:
        """The last critic update and the generator's, from the same generated windows."""
        variables, state = self.generator.trainable_variables, self.state(self.optimizer)
        generated, pullback = value_and_pullback(lambda: self._generate(inputs), variables, state)
        generated = ops.stop_gradient(generated)
        self._update_critic(generated, target)
        gradient = gradient_by_tensor(
            lambda windows: self._generator_loss(inputs, windows, target), generated, state
        )
        if variables:
            self.optimizer.apply(pullback(gradient), variables)

    def evaluate(self, *arguments, **options):
        """As Keras's; the critic's own logs belong to training and are left out."""
        self._evaluating = True
        try:
            return super().evaluate(*arguments, **options)
        finally:
            self._evaluating = False

    def get_metrics_result(self):
        logs = super().get_metrics_result()
        if self._evaluating:
            logs = {name: value for name, value in logs.items() if name not in _CRITIC_LOGS}
        return logs

    @property
    def non_trainable_variables(self):
        """With JAX, the critic's optimiser too: its trainer carries only one optimiser's state."""
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
