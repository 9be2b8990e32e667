"""Run a SavedModel through TensorFlow's C API, as programs in other languages do."""

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

FLOAT = 1


class Buffer(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("length", c_size_t), ("deallocator", c_void_p)]


class Output(ctypes.Structure):
    _fields_ = [("operation", c_void_p), ("index", c_int)]


def library():
    (path,) = Path(tf.sysconfig.get_lib()).glob("libtensorflow_cc*")
    lib = ctypes.CDLL(str(path))
    for name, result in {
        "TF_NewStatus": c_void_p,
        "TF_Message": c_char_p,
        "TF_NewSessionOptions": c_void_p,
        "TF_NewGraph": c_void_p,
        "TF_NewBuffer": POINTER(Buffer),
        "TF_LoadSessionFromSavedModel": c_void_p,
        "TF_GraphOperationByName": c_void_p,
        "TF_AllocateTensor": c_void_p,
        "TF_TensorData": c_void_p,
        "TF_TensorByteSize": c_size_t,
        "TF_Dim": c_int64,
    }.items():
        getattr(lib, name).restype = result
    return lib


class Session:
    """A loaded SavedModel."""

    def __init__(self, folder, tag):
        self.lib = library()
        self.status = c_void_p(self.lib.TF_NewStatus())
        self.graph = c_void_p(self.lib.TF_NewGraph())
        buffer = self.lib.TF_NewBuffer()
        tags = (c_char_p * 1)(tag.encode())
        self.session = c_void_p(
            self.lib.TF_LoadSessionFromSavedModel(
                c_void_p(self.lib.TF_NewSessionOptions()),
                None,
                str(folder).encode(),
                tags,
                1,
                self.graph,
                buffer,
                self.status,
            )
        )
        self._check()
        content = ctypes.string_at(buffer.contents.data, buffer.contents.length)
        self.meta_graph = MetaGraphDef.FromString(content)

    def _check(self):
        if self.lib.TF_GetCode(self.status):
            raise RuntimeError(self.lib.TF_Message(self.status).decode())

    def _endpoint(self, tensor_name):
        operation, _, index = tensor_name.partition(":")
        found = self.lib.TF_GraphOperationByName(self.graph, operation.encode())
        assert found, tensor_name
        return Output(found, int(index))

    def run(self, signature_name, audio):
        """Feed and fetch the tensors that the signature names."""
        signature = self.meta_graph.signature_def[signature_name]
        source = self._endpoint(signature.inputs["audio"].name)
        result = self._endpoint(signature.outputs["audio"].name)
        audio = np.ascontiguousarray(audio, np.float32)
        dims = (c_int64 * audio.ndim)(*audio.shape)
        fed = c_void_p(self.lib.TF_AllocateTensor(FLOAT, dims, audio.ndim, c_size_t(audio.nbytes)))
        ctypes.memmove(self.lib.TF_TensorData(fed), audio.ctypes.data, audio.nbytes)
        fetched = c_void_p()
        self.lib.TF_SessionRun(
            self.session,
            None,
            byref(source),
            byref(fed),
            1,
            byref(result),
            byref(fetched),
            1,
            None,
            0,
            None,
            self.status,
        )
        self._check()
        shape = [self.lib.TF_Dim(fetched, i) for i in range(self.lib.TF_NumDims(fetched))]
        size = self.lib.TF_TensorByteSize(fetched)
        content = ctypes.string_at(self.lib.TF_TensorData(fetched), size)
        return np.frombuffer(content, np.float32).reshape(shape)
