"""Loads trained models of any format (Keras, SavedModel, TFLite, ONNX) to run on windows."""

import functools
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfaudiogan.errors import InputError
from tfaudiogan.extras import require
from tfaudiogan.inference.metadata import ModelMetadata, read_metadata

MAX_BATCH_WINDOWS = 16
MAX_BATCH_SAMPLES = 1 << 20
"""Bounds of one batch. The windows of a spectral generator are long."""

DEFAULT_WINDOW = 8192
DEFAULT_SAMPLE_RATE = 44_100

LONGEST_REASON = 200
"""Characters of another library's error that are shown."""


@dataclass(frozen=True)
class WindowModel:
    """A model that is ready to run on windows of float32 samples.

    Attributes:
        function: Function from windows to windows of the same shape. It is called with at most
            ``batch_size`` windows at a time.
        metadata: Metadata of the model. If its ``channels`` is more than 1, the function takes
            ``(windows, window, channels)`` and applies the same gains to these channels.
    """

    function: Callable[[np.ndarray], np.ndarray]
    metadata: ModelMetadata

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """Run the model on ``(windows, window)`` or ``(windows, window, channels)``.

        A model that links channels enhances them together. Other models enhance each channel
        independently.
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
    def batch_size(self) -> int:
        """Largest number of windows in a batch, each with the channels that the model links."""
        samples = self.metadata.window * self.metadata.channels
        return max(1, min(MAX_BATCH_WINDOWS, MAX_BATCH_SAMPLES // samples))

    def _linked(self, windows: np.ndarray, linked: int) -> np.ndarray:
        """Run the model on groups of linked channels; the last channel fills the last group."""
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
        count = self.batch_size
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
    """Load a model so that it is ready to run.

    Args:
        model: Path of a ``.keras``, ``.tflite`` or ``.onnx`` file or of a SavedModel folder; a
            Keras model, whose present weights are used; a function from ``(windows, window)`` to
            the same shape, which may have a ``metadata`` attribute; or a ``WindowModel``, which is
            returned as it is.
        threads: Number of CPU threads; all by default.
        sample_rate: Sample rate in hertz of a Keras model or function without metadata.
        fuse: Whether a Keras model on TensorFlow uses fused kernels (``layers.cpu.fused``). They
            are up to twice as fast on a CPU but take some seconds to compile, so that they pay off
            for many windows only.

    Raises:
        InputError: If the file does not exist, is not such a model, or needs a missing extra.
        TypeError: If ``model`` is something else.
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
    folder = saved_model_folder(path)
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
    with _input_errors(path):
        return WindowModel(_checked(load(path, threads), path), metadata)


def _checked(function: Callable[[np.ndarray], np.ndarray], path: Path) -> Callable:
    """Wrap the function of a model file so that errors at run time are InputErrors."""

    def run(windows: np.ndarray) -> np.ndarray:
        with _input_errors(path, "be run"):
            output = np.asarray(function(windows))
            if output.size != windows.size:
                raise ValueError(f"windows of {windows.shape} became {output.shape}")
            return output

    return run


@contextmanager
def _input_errors(path: Path | str, verb: str = "be loaded") -> Iterator[None]:
    """Turn a runtime's errors for a damaged file into an InputError."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        if len(reason) > LONGEST_REASON:  # Keras quotes whole configurations.
            reason = reason[:LONGEST_REASON].rstrip() + "…"
        raise InputError(f"{path} cannot {verb} ({reason}); export or train it again") from error


def saved_model_folder(path: Path) -> Path | None:
    """Return the SavedModel at ``path`` or the latest version in a TensorFlow Serving directory."""
    if (path / "saved_model.pb").is_file():
        return path
    versions = [p.parent for p in path.glob("*/saved_model.pb") if p.parent.name.isdigit()]
    return max(versions, key=lambda p: int(p.name), default=None)


def load_keras(path: Path | str) -> Any:
    """Load a Keras model that may contain this package's layers, or be one of its networks.

    Raises:
        InputError: If Keras cannot load the file.
    """
    import keras

    import tfaudiogan.models  # noqa: F401 - registers the layers and models

    with _input_errors(path):
        return keras.saving.load_model(path, compile=False)


def _load_keras(path: Path, threads: int | None, fuse: bool) -> Callable[[np.ndarray], np.ndarray]:
    import keras

    if keras.backend.backend() == "tensorflow":
        _limit_tensorflow(threads)
    model = keras_with_channels(load_keras(path), read_metadata(path).channels)
    return _keras_function(model, fuse)


def keras_with_channels(model: Any, channels: int | None) -> Any:
    """Return the Keras model with ``channels`` channels in its windows, as its metadata says.

    Raises:
        ValueError: If the model has another number of channels and cannot change it.
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
    """Return the number of samples in the model's window; ``None`` if it is not fixed."""
    shape = getattr(model, "input_shape", None)
    return shape[1] if isinstance(shape, tuple) and len(shape) == 3 else None


def _keras_function(model: Any, fuse: bool) -> Callable[[np.ndarray], np.ndarray]:
    import keras

    if keras.backend.backend() != "tensorflow":
        return _padded(model.predict_on_batch)
    import tensorflow as tf

    from tfaudiogan.layers.cpu.fused import fusing

    groups = model.trainable_variables, model.non_trainable_variables
    values = [[variable.numpy() for variable in group] for group in groups]

    def predict(windows: Any) -> Any:
        # The layout of constant weights is converted for the CPU once, not in each call.
        constants = ([tf.constant(value) for value in group] for group in values)
        with fusing(fuse):
            return model.stateless_call(*constants, windows, training=False)[0]

    # A single trace serves all batch sizes. Compiling the model with XLA is slower on CPUs.
    signature = [tf.TensorSpec(model.input_shape, tf.float32)]
    function = tf.function(predict, input_signature=signature)
    if fuse:
        return _padded(function)
    return lambda windows: function(_with_channels(windows)).numpy()


def _with_channels(windows: np.ndarray) -> np.ndarray:
    return windows[..., np.newaxis] if windows.ndim == 2 else windows


def _padded(predict: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], np.ndarray]:
    """Pad batches to a power of two windows, so that few shapes are compiled."""

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
    """Load a TFLite file as a function on ``(windows, window)``.

    The interpreter is that of ai-edge-litert (the extra ``tflite``), which does not import
    TensorFlow, or TensorFlow's own if ai-edge-litert is not installed.
    """
    from tfaudiogan.parallel import processors
    from tfaudiogan.quiet import starting

    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        # The public tensorflow.lite is loaded lazily, and has no Interpreter to import.
        from tensorflow.lite.python.interpreter import Interpreter
    with starting(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # TensorFlow's own is deprecated.
        interpreter = Interpreter(str(path), num_threads=threads or processors())
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
