"""Where a run computes: one device, the devices of this machine, or several machines."""

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
    """One device; and what a run asks of several.

    Attributes:
        replicas: devices that each take an equal part of every batch.
        chief: whether this process is the one of the run's that keeps what it makes.
    """

    replicas = 1
    chief = True

    def scope(self) -> AbstractContextManager:
        """Models are built and trained within it."""
        return contextlib.nullcontext()

    def training(
        self, corpus: Corpus, window: int, batch: int, *, seed: int, start: int = 0
    ) -> "crops.Batches":
        """``crops.training``, shared out over the devices; what ``fit`` takes."""
        return crops.training(corpus, window, batch, seed=seed, start=start)

    def validation(
        self, corpus: Corpus, window: int, batch: int, limit: int
    ) -> "tuple[crops.Batches, int | None]":
        """``crops.grid`` of the validation split, shared out likewise, and the steps to take.

        The number of windows is a multiple of ``replicas``.
        """
        grid = crops.grid(corpus, "validation", window, batch, limit=limit, multiple=self.replicas)
        return grid, None

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any of the run's processes; all of them must ask."""
        return flag


class JaxDevices(Devices):
    """The devices of this machine under JAX: Keras shares out each batch, XLA does the rest."""

    def __init__(self) -> None:
        self._parallel = keras.distribution.DataParallel(auto_shard_dataset=False)
        self.replicas = self._parallel.num_model_replicas
        self.scope = self._parallel.scope


class TensorFlowDevices(Devices):
    """The replicas of a ``tf.distribute`` strategy: replica ``r`` takes part ``r`` of each batch.

    Each process reads its own part of the one sequence of crops.
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
            here = self.replicas // context.num_input_pipelines
            first = context.input_pipeline_id * here
            return _parts(grid.repeat(), self.replicas, slice(first, first + here))

        # Without an end: Keras would run into it with a step of counts and no windows.
        return self._strategy.distribute_datasets_from_function(share), len(grid)

    def any(self, flag: bool) -> bool:
        import tensorflow as tf

        if not isinstance(self._strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return flag
        return bool(self._sum(tf.constant(float(flag))))


def _parts(dataset, count: int, kept: slice = slice(None)):
    """Each batch of an endless dataset as so many equal ones, in order; of these, those kept."""
    import tensorflow as tf

    def cut(*sides):
        return tuple(tf.reshape(side, (count, -1, *side.shape[1:]))[kept] for side in sides)

    endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
    return dataset.map(cut).unbatch().apply(endless)


ONE_DEVICE = Devices()


@functools.cache
def choose(strategy: str = "none") -> Devices:
    """The devices of a strategy; the same ones in a process, as TensorFlow's would collide.

    ``"none"`` is Keras's own choice of one device. ``"mirrored"`` are all of this machine: a
    ``tf.distribute.MirroredStrategy``, or under JAX ``keras.distribution.DataParallel``.
    ``"multiworker"`` are those of all processes that the environment variable ``TF_CONFIG``
    names, each of which runs the same command: a ``tf.distribute.MultiWorkerMirroredStrategy``.

    Raises:
        InputError: when the strategy is unknown, not for the Keras backend, or not set up.
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
    given = os.environ.get("TF_CONFIG", "")
    try:
        cluster = json.loads(given)
        kinds = {name: list(cluster["cluster"][name]) for name in cluster["cluster"]}
        kinds[cluster["task"]["type"]][int(cluster["task"]["index"])]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            f"strategy multiworker needs the environment variable TF_CONFIG, which is {given!r}; "
            'set it as in {"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
            '"task": {"type": "worker", "index": 0}}'
        ) from error
    return sum(len(addresses) for addresses in kinds.values())


def check_batch(batch: int, devices: Devices) -> None:
    """Raises InputError when the devices cannot share a batch equally."""
    if batch % devices.replicas:
        raise InputError(
            f"a batch of {batch} windows does not divide over {devices.replicas} devices; "
            f"choose a multiple of {devices.replicas}"
        )
