"""Quantizes as many weights of a TFLite model as the quality of its output allows.

TFLite's converter rounds all kernels or none, and the error at 8 bits varies between 25 and 45 dB
below the output. A few kernels cause most of it, among them the small ones near input and output.
Here each kernel is first rounded alone to measure its error. Then kernels are rounded together, in
the order of their error per weight, as long as the signal-to-error ratio to the float32 model's
output stays above a bound.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

WINDOWS = 4
MIN_SNR_DB = {"float16": 60.0, "dynamic": 40.0}
MARGIN_DB = 4.0  # Errors on calibration signals and on real audio differ by up to 4 dB.


def quantize(
    content: bytes,
    quantization: str,
    load: Callable[[bytes], Callable[[np.ndarray], np.ndarray]],
    windows: np.ndarray,
) -> bytes:
    """Round the kernels of a float32 TFLite model.

    Args:
        content: Contents of the model file.
        quantization: ``"float16"``, which keeps float32 where needed, or ``"dynamic"``, which uses
            8 bits and float16 where needed.
        load: Function that turns a model file's contents into a function on windows.
        windows: Windows to measure the error on, such as ``calibration_windows``.

    Returns:
        Contents of the quantized model. The level of its error on ``windows`` is at least
        ``MIN_SNR_DB`` plus ``MARGIN_DB`` below that of its output.
    """
    expected = load(content)(windows)

    def error(kernels: list[int]) -> float:
        output = load(_rounded(content, quantization, kernels))(windows)
        return float(np.sum(np.square(output - expected, dtype=np.float64)))

    sizes = _kernel_sizes(_unpack(content), dense=quantization == "float16")
    kernels = sorted(sizes, key=lambda kernel: error([kernel]) / sizes[kernel])
    signal = float(np.sum(np.square(expected, dtype=np.float64)))
    allowed = signal / 10 ** ((MIN_SNR_DB[quantization] + MARGIN_DB) / 10)
    low, high = 0, len(kernels) + 1
    while high - low > 1:
        count = (low + high) // 2
        low, high = (count, high) if error(kernels[:count]) <= allowed else (low, count)
    return _rounded(content, quantization, kernels[:low])


def calibration_windows(window: int, level_dbfs: float, channels: int = 1) -> np.ndarray:
    """Return windows of noise and of decaying harmonic tones at a level, float32.

    Their shape is ``(WINDOWS, window)``, or ``(WINDOWS, window, channels)`` for several channels.
    """
    if channels > 1:
        signals = [_calibration_windows(window, level_dbfs, seed) for seed in range(channels)]
        return np.stack(signals, axis=-1)
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
    """Return the number of weights in each convolution kernel by tensor index.

    Kernels of dense layers are included if ``dense`` is true.
    """
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
    """Return the model with the given kernels rounded.

    Other kernels stay float32, or become float16 for ``"dynamic"``.
    """
    model = _unpack(content)
    if quantization == "float16":
        _to_float16(model, kernels)
    else:
        others = [i for i in _kernel_sizes(model, dense=True) if i not in kernels]
        _to_int8(model, kernels)
        _to_float16(model, others)
    return _pack(model)


def _to_int8(model: Any, kernels: list[int]) -> None:
    """Round kernels to 8 bits, with a scale for each output channel.

    TFLite quantizes the activations at run time.
    """
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
                code.version = 5  # The first version with 8-bit kernels and a scale per channel.


def _to_float16(model: Any, kernels: list[int]) -> None:
    """Round kernels to float16; operators convert them to float32 before the first run."""
    from tensorflow.lite.python import schema_py_generated as schema

    if not kernels:
        return
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 3  # The first version that supports half precision.
    model.operatorCodes.append(code)
    (graph,) = model.subgraphs
    dequantize = []
    for i in kernels:
        tensor = graph.tensors[i]
        half = schema.TensorT()
        half.name = tensor.name + b"_half"
        half.shape = tensor.shape
        half.type = schema.TensorType.FLOAT16
        half.buffer = tensor.buffer
        values = _values(model, tensor).astype(np.float16)
        model.buffers[tensor.buffer].data = values.reshape(-1).view(np.uint8)
        tensor.buffer = 0
        operator = schema.OperatorT()
        operator.opcodeIndex = len(model.operatorCodes) - 1
        operator.inputs = np.array([len(graph.tensors)], np.int32)
        operator.outputs = np.array([i], np.int32)
        graph.tensors.append(half)
        dequantize.append(operator)
    graph.operators = dequantize + graph.operators


def _values(model: Any, tensor: Any) -> np.ndarray:
    data = np.asarray(model.buffers[tensor.buffer].data, np.uint8)
    return data.view(np.float32).reshape(tensor.shape)
