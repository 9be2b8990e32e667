"""What a training step must know where several devices each take a part of its batch.

Under a ``tf.distribute`` strategy each replica runs the step on its part, and their gradients are
summed. Under JAX the compiler shares the arrays out, and the step is that of one device.
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
    """How many run the present step; a loss whose gradients they sum is to be divided by it."""
    strategy = _strategy()
    return strategy.num_replicas_in_sync if strategy else 1


def replica_part(values):
    """This replica's part of an array that all of them hold, shared out along the first axis.

    Random numbers drawn whole and taken in part are those that one device would have drawn.
    """
    if replicas() == 1:
        return values
    import tensorflow as tf

    size = ops.shape(values)[0] // replicas()
    start = tf.distribute.get_replica_context().replica_id_in_sync_group * size
    return values[start : start + size]


def sum_over_replicas(values: list) -> list:
    """The sums of what each replica has; called by all of them in the midst of a step."""
    if replicas() == 1:
        return values
    import tensorflow as tf

    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def _between_machines() -> bool:
    strategy = _strategy()
    if strategy is None:
        return False
    import tensorflow as tf

    several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    return several and not tf.distribute.in_cross_replica_context()


class ReplicatedModel(keras.Model):
    """A model that ``fit`` and ``evaluate`` can replicate, on one machine or on several.

    A subclass builds all its variables before training begins, ``compile`` included, and scales
    its loss by ``replicas``.
    """

    def _maybe_symbolic_build(self, iterator=None, data_batch=None) -> None:
        """Nothing is left to build; with several machines, Keras's own trial batch would fail."""

    def compile(self, *arguments, **options) -> None:
        """As Keras's; a ValueError for networks that compute in float16."""
        check_precision(self)
        super().compile(*arguments, **options)

    def fusing(self):
        """Let layers fuse their work, where XLA does not compile the step as a whole anyway."""
        return fusing(not self.jit_compile and replicas() == 1)

    def train_step(self, *arguments):
        """As Keras's."""
        with self.fusing():
            return super().train_step(*arguments)

    def test_step(self, *arguments):
        """As Keras's."""
        with self.fusing():
            return super().test_step(*arguments)

    def get_metrics_result(self):
        """As Keras's; for several machines with an axis, along which Keras takes their mean."""
        logs = super().get_metrics_result()
        if _between_machines():
            return {name: ops.reshape(value, (1,)) for name, value in logs.items()}
        return logs
