"""The devices of a run: one device, all devices of this machine, or those of several machines."""

import contextlib
import functools
import json
import os
from contextlib import AbstractContextManager

import keras

from tfaudiogan import crops
from tfaudiogan.corpus.reading import Corpus
from tfaudiogan.errors import InputError

STRATEGIES = ("none", "mirrored", "multiworker")


class Devices:
    """A single device, and the interface that a run uses for several devices.

    Attributes:
        replicas: Number of devices that each take an equal part of every batch.
        chief: Whether this process is the one that writes the run folder.
    """

    replicas = 1
    chief = True

    def scope(self) -> AbstractContextManager:
        """Return the context in which models are built and trained."""
        return contextlib.nullcontext()

    def training(
        self, corpus: Corpus, window: int, batch: int, *, seed: int, start: int = 0
    ) -> "crops.Batches":
        """Return ``crops.training`` as ``fit`` takes it, distributed over the devices."""
        return crops.training(corpus, window, batch, seed=seed, start=start)

    def validation(
        self, corpus: Corpus, window: int, batch: int, limit: int
    ) -> "tuple[crops.Batches, int | None]":
        """Return the distributed ``crops.grid`` of the validation split, and the number of steps.

        The number of windows is a multiple of ``replicas``. The number of steps is ``None`` if the
        data set ends by itself.
        """
        grid = crops.grid(corpus, "validation", window, batch, limit=limit, multiple=self.replicas)
        return grid, None

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set in any process of the run. All processes must call it."""
        return flag


class JaxDevices(Devices):
    """All devices of this machine under JAX, by ``keras.distribution.DataParallel``."""

    def __init__(self) -> None:
        self._parallel = keras.distribution.DataParallel(auto_shard_dataset=False)
        self.replicas = self._parallel.num_model_replicas
        self.scope = self._parallel.scope


class TensorFlowDevices(Devices):
    """The replicas of a ``tf.distribute`` strategy; replica ``r`` takes part ``r`` of each batch.

    All processes share one sequence of crops, of which each reads its own part.
    """

    def __init__(self, strategy) -> None:
        import tensorflow as tf

        self._strategy = strategy
        self.replicas = strategy.num_replicas_in_sync
        self.chief = strategy.extended.should_checkpoint
        self.scope = strategy.scope
        self._sum = tf.function(
            lambda value: strategy.reduce("SUM", strategy.run(tf.identity, (value,)), axis=None)
        )

    def training(self, corpus, window, batch, *, seed, start=0):
        def share(context):
            workers = context.num_input_pipelines
            dataset = crops.training(
                corpus,
                window,
                batch // workers,
                seed=seed,
                start=start,
                shards=workers,
                shard=context.input_pipeline_id,
            )
            return _parts(dataset, self.replicas // workers)

        return self._strategy.distribute_datasets_from_function(share)

    def validation(self, corpus, window, batch, limit):
        grid, _ = super().validation(corpus, window, batch, limit)

        def share(context):
            local_replicas = self.replicas // context.num_input_pipelines
            first = context.input_pipeline_id * local_replicas
            return _parts(grid.repeat(), self.replicas, slice(first, first + local_replicas))

        # The data set repeats, as Keras cannot reach the end of a distributed one without a step
        # that has no windows.
        return self._strategy.distribute_datasets_from_function(share), len(grid)

    def any(self, flag: bool) -> bool:
        import tensorflow as tf

        if not isinstance(self._strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return flag
        return bool(self._sum(tf.constant(float(flag))))


def _parts(dataset, count: int, kept: slice = slice(None)):
    """Split each batch of an endless data set into ``count`` equal ones, and keep some of them."""
    import tensorflow as tf

    def cut(*sides):
        return tuple(tf.reshape(side, (count, -1, *side.shape[1:]))[kept] for side in sides)

    endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
    return dataset.map(cut).unbatch().apply(endless)


ONE_DEVICE = Devices()


@functools.cache
def choose(strategy: str = "none") -> Devices:
    """Return the devices of a strategy.

    The result is cached, as TensorFlow cannot create a strategy twice in one process.

    Args:
        strategy: ``"none"`` is the device that Keras chooses. ``"mirrored"`` is all devices of this
            machine, by ``tf.distribute.MirroredStrategy``, or under JAX by
            ``keras.distribution.DataParallel``. ``"multiworker"`` is the devices of all processes
            in the environment variable ``TF_CONFIG``, by
            ``tf.distribute.MultiWorkerMirroredStrategy``; all processes run the same command.

    Raises:
        InputError: If the strategy is unknown, not set up, or not available on the Keras backend.
    """
    if strategy not in STRATEGIES:
        raise InputError(f"unknown strategy {strategy!r}; choose one of {', '.join(STRATEGIES)}")
    if strategy == "none":
        return ONE_DEVICE
    backend = keras.backend.backend()
    if backend == "jax" and strategy == "mirrored":
        return JaxDevices()
    if backend != "tensorflow":
        raise InputError(
            f"strategy {strategy} does not run on the Keras backend {backend}; "
            "set KERAS_BACKEND=tensorflow, or choose another --strategy"
        )
    import tensorflow as tf

    if strategy == "mirrored" or _workers() == 1:
        return TensorFlowDevices(tf.distribute.MirroredStrategy())
    try:
        return TensorFlowDevices(tf.distribute.MultiWorkerMirroredStrategy())
    except (RuntimeError, ValueError) as error:
        raise InputError(f"strategy multiworker did not start: {error}".split("\n")[0]) from error


def _workers() -> int:
    """Return the number of processes in the environment variable ``TF_CONFIG``."""
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text)
        addresses = {name: list(config["cluster"][name]) for name in config["cluster"]}
        addresses[config["task"]["type"]][int(config["task"]["index"])]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            f"strategy multiworker needs the environment variable TF_CONFIG, which is {text!r}; "
            'set it as in {"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
            '"task": {"type": "worker", "index": 0}}'
        ) from error
    return sum(map(len, addresses.values()))


def check_batch(batch: int, devices: Devices) -> None:
    """Raise InputError if the batch does not divide evenly over the devices."""
    if batch % devices.replicas:
        raise InputError(
            f"a batch of {batch} windows does not divide evenly over {devices.replicas} devices; "
            f"choose a multiple of {devices.replicas}"
        )
