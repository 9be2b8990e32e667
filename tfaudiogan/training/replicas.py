"""Training steps that several devices share.

Under a ``tf.distribute`` strategy each replica runs the step on its part of the batch, and the
gradients are summed. Under JAX the compiler distributes the arrays, and the step is written as for
a single device.
"""

import keras
from keras import ops

from tfaudiogan.layers.cpu.fused import fusing
from tfaudiogan.training.precision import check_precision


def _strategy():
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    return tf.distribute.get_strategy() if tf.distribute.has_strategy() else None


def replicas() -> int:
    """Return the number of replicas; losses are divided by it, as the replicas sum gradients."""
    strategy = _strategy()
    return strategy.num_replicas_in_sync if strategy else 1


def replica_part(values):
    """Return this replica's part of an array, along the first axis.

    Every replica passes the whole array. Random numbers are thus those that a single device would
    draw.
    """
    if replicas() == 1:
        return values
    import tensorflow as tf

    size = ops.shape(values)[0] // replicas()
    start = tf.distribute.get_replica_context().replica_id_in_sync_group * size
    return values[start : start + size]


def sum_over_replicas(values: list) -> list:
    """Sum each value over the replicas. All replicas must call it within a training step."""
    if replicas() == 1:
        return values
    import tensorflow as tf

    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def _in_multiworker_replica() -> bool:
    strategy = _strategy()
    if strategy is None:
        return False
    import tensorflow as tf

    is_multiworker = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    return is_multiworker and not tf.distribute.in_cross_replica_context()


class ReplicatedModel(keras.Model):
    """A model that ``fit`` and ``evaluate`` can replicate, on one machine or on several.

    A subclass builds all its variables in the constructor and in ``compile``, before training
    begins, and divides its loss by ``replicas()``.
    """

    def _maybe_symbolic_build(self, iterator=None, data_batch=None) -> None:
        """Do nothing: the model is built, and Keras's trial batch fails on several machines."""

    def compile(self, *arguments, **options) -> None:
        """Configure the training; raise ValueError if a network computes in float16."""
        check_precision(self)
        super().compile(*arguments, **options)

    def fusing(self):
        """Return a context in which layers use fused kernels, unless XLA compiles the step."""
        return fusing(not self.jit_compile and replicas() == 1)

    def train_step(self, *arguments):
        """Run Keras's training step with fused layers."""
        with self.fusing():
            return super().train_step(*arguments)

    def test_step(self, *arguments):
        """Run Keras's test step with fused layers."""
        with self.fusing():
            return super().test_step(*arguments)

    def get_metrics_result(self):
        """Return the metrics. With several machines each has an axis, over which Keras averages."""
        logs = super().get_metrics_result()
        if _in_multiworker_replica():
            return {name: ops.reshape(value, (1,)) for name, value in logs.items()}
        return logs
