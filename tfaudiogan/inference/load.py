"""A trained model in any form — Keras, SavedModel, TFLite, ONNX — as one function on windows."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfaudiogan.errors import InputError
from tfaudiogan.extras import require
from tfaudiogan.inference.metadata import ModelMetadata, read_metadata

WINDOWS_AT_ONCE = 16
SAMPLES_AT_ONCE = 1 << 20
"""Bounds of what a model is given at a time; a spectral generator's windows are long."""

DEFAULT_WINDOW = 8192
DEFAULT_SAMPLE_RATE = 44_100


@dataclass(frozen=True)
class WindowModel:
    """A model ready to run: call it with windows of float32 samples, get the same shape.

    Attributes:
        function: does the work, on at most ``windows_at_once`` windows at a time.
        metadata: what the model says about itself. Where its ``channels`` are more than 1, the
            function takes ``(windows, window, channels)`` and treats these channels alike.
    """

    function: Callable[[np.ndarray], np.ndarray]
    metadata: ModelMetadata

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """Run the model on ``(windows, window)`` or ``(windows, window, channels)``.

        Channels of a window are enhanced alike where the model can do so, and each for itself
        elsewhere.
        """
        linked = self.metadata.channels
        if linked > 1:
            return self._linked(windows, linked)
        if windows.ndim == 3:
            by_channel = np.moveaxis(windows, -1, 0)
            folded = np.ascontiguousarray(by_channel).reshape(-1, windows.shape[1])
            return np.moveaxis(self._run(folded).reshape(by_channel.shape), 0, -1)
        return self._run(windows)

    @property
    def windows_at_once(self) -> int:
        """How many windows, of as many channels as the model links, run at a time."""
        samples = self.metadata.window * self.metadata.channels
        return max(1, min(WINDOWS_AT_ONCE, SAMPLES_AT_ONCE // samples))

    def _linked(self, windows: np.ndarray, linked: int) -> np.ndarray:
        """Give the model as many channels as it takes, the last ones repeated if need be."""
        channels = windows[..., np.newaxis] if windows.ndim == 2 else windows
        outputs = []
        for first in range(0, channels.shape[-1], linked):
            group = channels[..., first : first + linked]
            missing = linked - group.shape[-1]
            if missing:
                group = np.concatenate([group, *[group[..., -1:]] * missing], axis=-1)
            outputs.append(self._run(group)[..., : linked - missing])
        return _joined(outputs, axis=-1).reshape(windows.shape)

    def _run(self, windows: np.ndarray) -> np.ndarray:
        count = self.windows_at_once
        starts = range(0, len(windows), count)
        outputs = [np.asarray(self.function(windows[i : i + count])) for i in starts]
        return _joined(outputs, axis=0).reshape(windows.shape) if outputs else windows


def _joined(parts: list[np.ndarray], axis: int) -> np.ndarray:
    """The parts in one array; one part as it is, as long windows are many samples to copy."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=axis)


def load_model(
    model: Any,
    *,
    threads: int | None = None,
    sample_rate: int = DEFAULT_SAMPLE_RATE,
    fuse: bool = False,
) -> WindowModel:
    """Make a model ready to run.

    Args:
        model: path of a ``.keras``, ``.tflite`` or ``.onnx`` file or of a SavedModel folder; a
            Keras model, with the weights that it has now; any function from
            ``(windows, window)`` to the same shape, with a ``metadata`` attribute or without; or
            what this function returned before.
        threads: of the processor to use; all of them unless given.
        sample_rate: of a Keras model or function that comes without metadata, in hertz.
        fuse: let a Keras model on TensorFlow fuse its work (``layers.cpu.fused``): up to twice as
            fast on a processor after some seconds of compiling, which many windows are worth.

    Raises:
        InputError: when there is no such file, it is none of these, or an extra is missing.
        TypeError: when ``model`` is something else.
    """
    if isinstance(model, WindowModel):
        return model
    if isinstance(model, (str, Path)):
        return _load_file(Path(model), threads, fuse)
    if not callable(model):
        raise TypeError(f"model is a {type(model).__name__}; expected a path, model or function")
    is_keras = hasattr(model, "predict_on_batch")
    metadata = getattr(model, "metadata", None)
    if not isinstance(metadata, ModelMetadata):
        window = _keras_window(model) if is_keras else None
        metadata = ModelMetadata(
            sample_rate=sample_rate,
            window=window or DEFAULT_WINDOW,
            channels=_linked_channels(model) if is_keras else 1,
        )
    if is_keras:
        model = _keras_function(keras_with_channels(model, metadata.channels), fuse)
    return WindowModel(model, metadata)


def _load_file(path: Path, threads: int | None, fuse: bool) -> WindowModel:
    folder = _saved_model_folder(path)
    loaders: dict[str, Callable] = {
        ".keras": functools.partial(_load_keras, fuse=fuse),
        ".tflite": load_tflite,
        ".onnx": _load_onnx,
    }
    load: Any = _load_saved_model if folder else loaders.get(path.suffix)
    if load is None and path.exists():
        raise InputError(
            f"{path} is not a model; give a .keras, .tflite or .onnx file or a SavedModel folder"
        )
    path = folder or path
    metadata = read_metadata(path)
    with _reported(path):
        return WindowModel(_guarded(load(path, threads), path), metadata)


def _guarded(function: Callable[[np.ndarray], np.ndarray], path: Path) -> Callable:
    """The function of a file, with one line for what only shows when it runs."""

    def run(windows: np.ndarray) -> np.ndarray:
        with _reported(path, "be run"):
            output = np.asarray(function(windows))
            if output.size != windows.size:
                raise ValueError(f"windows of {windows.shape} became {output.shape}")
            return output

    return run


@contextmanager
def _reported(path: Path | str, verb: str = "be loaded") -> Iterator[None]:
    """One line instead of whatever a runtime says about a damaged file."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise InputError(f"{path} cannot {verb} ({reason}); export or train it again") from error


def _saved_model_folder(path: Path) -> Path | None:
    """The SavedModel at ``path``, or its latest version in a TensorFlow Serving directory."""
    if (path / "saved_model.pb").is_file():
        return path
    versions = [p.parent for p in path.glob("*/saved_model.pb") if p.parent.name.isdigit()]
    return max(versions, key=lambda p: int(p.name), default=None)


def load_keras(path: Path | str) -> Any:
    """Load a Keras model that may hold this package's layers.

    Raises:
        InputError: when Keras cannot.
    """
    import keras

    import tfaudiogan.layers  # noqa: F401 - registers the layers

    with _reported(path):
        return keras.saving.load_model(path, compile=False)


def _load_keras(path: Path, threads: int | None, fuse: bool) -> Callable[[np.ndarray], np.ndarray]:
    import keras

    if keras.backend.backend() == "tensorflow":
        _limit_tensorflow(threads)
    model = keras_with_channels(load_keras(path), read_metadata(path).channels)
    return _keras_function(model, fuse)


def keras_with_channels(model: Any, channels: int | None) -> Any:
    """A Keras model whose windows have as many channels as its metadata says.

    Raises:
        ValueError: when the model has another number and cannot change it.
    """
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 3 or shape[-1] == channels:
        return model
    from tfaudiogan.models import with_channels

    return with_channels(model, channels)


def _linked_channels(model: Any) -> int:
    from tfaudiogan.models import LINKED_CHANNELS, is_spectral

    return LINKED_CHANNELS if is_spectral(model) else 1


def _keras_window(model: Any) -> int | None:
    """Samples of the model's window; ``None`` where it takes any number, or does not say."""
    shape = getattr(model, "input_shape", None)
    return shape[1] if isinstance(shape, tuple) and len(shape) == 3 else None


def _keras_function(model: Any, fuse: bool) -> Callable[[np.ndarray], np.ndarray]:
    import keras

    if keras.backend.backend() != "tensorflow":
        return _filled_up(model.predict_on_batch)
    import tensorflow as tf

    from tfaudiogan.layers.cpu.fused import fusing

    groups = model.trainable_variables, model.non_trainable_variables
    values = [[variable.numpy() for variable in group] for group in groups]

    def predict(windows: Any) -> Any:
        # As constants, the weights are brought into the processor's layout once and not each time.
        constants = ([tf.constant(value) for value in group] for group in values)
        with fusing(fuse):
            return model.stateless_call(*constants, windows, training=False)[0]

    # One trace for every batch size; compiling all of it with XLA is slower on processors.
    signature = [tf.TensorSpec(model.input_shape, tf.float32)]
    function = tf.function(predict, input_signature=signature)
    if fuse:
        return _filled_up(function)
    return lambda windows: function(_with_channels(windows)).numpy()


def _with_channels(windows: np.ndarray) -> np.ndarray:
    return windows[..., np.newaxis] if windows.ndim == 2 else windows


def _filled_up(predict: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], np.ndarray]:
    """Fill batches up to a power of two, so that what is compiled for each shape stays little."""

    def run(windows: np.ndarray) -> np.ndarray:
        size = 1 << max(0, len(windows) - 1).bit_length()
        given = _with_channels(windows)
        if size == len(given):
            return np.asarray(predict(given))
        batch = np.zeros((size, *given.shape[1:]), np.float32)
        batch[: len(windows)] = given
        return np.asarray(predict(batch))[: len(windows)]

    return run


def _load_saved_model(path: Path, threads: int | None) -> Callable[[np.ndarray], np.ndarray]:
    _limit_tensorflow(threads)
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    function = loaded.signatures["window"]
    (input_name,) = function.structured_input_signature[1]
    (output_name,) = function.structured_outputs

    def run(windows: np.ndarray, _alive: Any = loaded) -> np.ndarray:
        return function(**{input_name: tf.constant(_with_channels(windows))})[output_name].numpy()

    return run


def _limit_tensorflow(threads: int | None) -> None:
    if threads is None:
        return
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def load_tflite(path: Path, threads: int | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """A TFLite file as a function on ``(windows, window)``; TensorFlow is not imported.

    Needs ai-edge-litert (the extra ``tflite``), or else takes TensorFlow's own interpreter.
    """
    import os

    from tfaudiogan.quiet import starting

    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tensorflow.lite import Interpreter
    with starting():
        interpreter = Interpreter(str(path), num_threads=threads or os.cpu_count())
        interpreter.allocate_tensors()
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(windows: np.ndarray) -> np.ndarray:
        output = np.empty_like(windows)
        for i, window in enumerate(windows):
            interpreter.set_tensor(source["index"], window.reshape(source["shape"]))
            interpreter.invoke()
            output[i] = interpreter.get_tensor(result["index"]).reshape(window.shape)
        return output

    return run


def _load_onnx(path: Path, threads: int | None) -> Callable[[np.ndarray], np.ndarray]:
    require("onnx", "onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    return lambda windows: session.run(None, {source.name: _with_channels(windows)})[0]
