"""Smaller weights in a TFLite model, as many of them as the output's quality allows.

TFLite's converter rounds every kernel or none, and what that does to the sound is a matter of luck:
with 8 bits, an error 25 to 45 dB below the output. A few kernels make most of that error, the small
ones near input and output among them. So here each kernel is rounded alone and the error measured;
then they are rounded together, those first that cost least for what they save, and as many as keep
the output within a given signal-to-error ratio of the float32 model's.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

WINDOWS = 4
LEAST_DB = {"float16": 60.0, "dynamic": 40.0}
MARGIN_DB = 4.0  # calibration signals and real audio differ by up to this much


def quantize(
    content: bytes,
    quantization: str,
    load: Callable[[bytes], Callable[[np.ndarray], np.ndarray]],
    windows: np.ndarray,
) -> bytes:
    """Round the kernels of a float32 TFLite model.

    Args:
        content: the model.
        quantization: ``"float16"``, with float32 where that is needed; or ``"dynamic"``: 8 bits,
            with float16 where that is needed.
        load: makes a function on windows of a model.
        windows: to judge by, as ``calibration_windows`` makes them.

    Returns:
        The model whose output on ``windows`` is at least ``LEAST_DB`` and ``MARGIN_DB`` above its
        error.
    """
    expected = load(content)(windows)

    def error(kernels: list[int]) -> float:
        output = load(_rounded(content, quantization, kernels))(windows)
        return float(np.sum(np.square(output - expected, dtype=np.float64)))

    sizes = _kernel_sizes(_unpack(content), dense=quantization == "float16")
    kernels = sorted(sizes, key=lambda kernel: error([kernel]) / sizes[kernel])
    signal = float(np.sum(np.square(expected, dtype=np.float64)))
    allowed = signal / 10 ** ((LEAST_DB[quantization] + MARGIN_DB) / 10)
    few, many = 0, len(kernels) + 1
    while many - few > 1:
        count = (few + many) // 2
        few, many = (count, many) if error(kernels[:count]) <= allowed else (few, count)
    return _rounded(content, quantization, kernels[:few])


def calibration_windows(window: int, level_dbfs: float, channels: int = 1) -> np.ndarray:
    """Noise and decaying harmonic tones at a level, float32.

    ``(WINDOWS, window)``, or ``(WINDOWS, window, channels)`` where there are several.
    """
    if channels > 1:
        each = [_calibration_windows(window, level_dbfs, seed) for seed in range(channels)]
        return np.stack(each, axis=-1)
    return _calibration_windows(window, level_dbfs, seed=0)


def _calibration_windows(window: int, level_dbfs: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(window)
    windows = rng.standard_normal((WINDOWS, window))
    for i in range(WINDOWS // 2):
        cycles = rng.uniform(0.002, 0.02) * np.arange(1, 9)[:, np.newaxis] * time
        windows[i] = (np.sin(2 * np.pi * cycles) * np.exp(-3 * time / window)).sum(axis=0)
    rms = np.sqrt(np.mean(np.square(windows), axis=1, keepdims=True))
    return (windows * 10 ** (level_dbfs / 20) / rms).astype(np.float32)


def _unpack(content: bytes) -> Any:
    from tensorflow.lite.python import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def _pack(model: Any) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _kernel_sizes(model: Any, dense: bool = False) -> dict[int, int]:
    """Weights of each tensor that is a convolution's kernel, or a dense layer's too, by index."""
    from tensorflow.lite.python import schema_py_generated as schema

    (graph,) = model.subgraphs
    kinds = {schema.BuiltinOperator.CONV_2D}
    if dense:
        kinds.add(schema.BuiltinOperator.FULLY_CONNECTED)
    operators = (
        operator
        for operator in graph.operators
        if model.operatorCodes[operator.opcodeIndex].builtinCode in kinds
    )
    kernels = sorted({int(operator.inputs[1]) for operator in operators})
    constant = (i for i in kernels if model.buffers[graph.tensors[i].buffer].data is not None)
    return {i: int(np.prod(graph.tensors[i].shape)) for i in constant}


def _rounded(content: bytes, quantization: str, kernels: list[int]) -> bytes:
    """The model with these kernels rounded; the others as ``quantize`` says."""
    model = _unpack(content)
    if quantization == "float16":
        _to_float16(model, kernels)
    else:
        others = [i for i in _kernel_sizes(model, dense=True) if i not in kernels]
        _to_int8(model, kernels)
        _to_float16(model, others)
    return _pack(model)


def _to_int8(model: Any, kernels: list[int]) -> None:
    """A scale for each output channel; TFLite then quantises activations as it goes."""
    from tensorflow.lite.python import schema_py_generated as schema

    for i in kernels:
        tensor = model.subgraphs[0].tensors[i]
        values = _values(model, tensor)
        scale = np.abs(values).max(axis=(1, 2, 3)) / 127
        scale[scale == 0] = 1
        integers = np.rint(values / scale[:, np.newaxis, np.newaxis, np.newaxis]).astype(np.int8)
        tensor.type = schema.TensorType.INT8
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = scale.astype(np.float32)
        tensor.quantization.zeroPoint = np.zeros(len(scale), np.int64)
        tensor.quantization.quantizedDimension = 0
        model.buffers[tensor.buffer].data = integers.reshape(-1).view(np.uint8)
    if kernels:
        for code in model.operatorCodes:
            if code.builtinCode == schema.BuiltinOperator.CONV_2D:
                code.version = 5  # the first that takes 8-bit kernels with a scale per channel


def _to_float16(model: Any, kernels: list[int]) -> None:
    """Half-precision constants, and an operator that widens them before the first run."""
    from tensorflow.lite.python import schema_py_generated as schema

    if not kernels:
        return
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 3  # the first that takes half precision
    model.operatorCodes.append(code)
    (graph,) = model.subgraphs
    widen = []
    for i in kernels:
        tensor = graph.tensors[i]
        narrow = schema.TensorT()
        narrow.name = tensor.name + b"_half"
        narrow.shape = tensor.shape
        narrow.type = schema.TensorType.FLOAT16
        narrow.buffer = tensor.buffer
        values = _values(model, tensor).astype(np.float16)
        model.buffers[tensor.buffer].data = values.reshape(-1).view(np.uint8)
        tensor.buffer = 0
        operator = schema.OperatorT()
        operator.opcodeIndex = len(model.operatorCodes) - 1
        operator.inputs = np.array([len(graph.tensors)], np.int32)
        operator.outputs = np.array([i], np.int32)
        graph.tensors.append(narrow)
        widen.append(operator)
    graph.operators = widen + graph.operators


def _values(model: Any, tensor: Any) -> np.ndarray:
    data = np.asarray(model.buffers[tensor.buffer].data, np.uint8)
    return data.view(np.float32).reshape(tensor.shape)
