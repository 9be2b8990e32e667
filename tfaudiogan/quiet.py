"""Suppresses the lines that native libraries print when they start.

TensorFlow and LiteRT write a few lines about CPUs and drivers directly to the file descriptor of
standard error, before any setting is read. The output is held back until the library has started,
and then all other lines are passed on.
"""

import importlib.abc
import importlib.machinery
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

STARTING_LINES = re.compile(
    r"WARNING: All log messages before absl::InitializeLog\(\)"
    r"|[IWE]\d{4} [\d:.]+ +\d+ "
    r"(port|cudart_stub|cpu_feature_guard|cuda_\w+|computation_placer)\.cc:\d+\]"
    r"|\d{4}-\d\d-\d\d .*(oneDNN|cpu_feature_guard|cuda|TF-TRT)"
    r"|To enable the following instructions"
    r"|INFO: (Created TensorFlow Lite|Initialized TensorFlow Lite)"
)
NATIVE = ("tensorflow", "ai_edge_litert")


@contextmanager
def starting() -> Iterator[None]:
    """Hold back the process's standard error, and then pass on all but the start-up lines.

    Python's ``sys.stderr`` writes to the same file descriptor, so other output, such as a
    traceback, is late but complete. TensorFlow aborts the process on a CPU that lacks the
    instructions it was built for. For that case, a shell waits and prints the output that was held
    back.
    """
    try:
        sys.stderr.flush()
        original = os.dup(2)
    except (AttributeError, OSError, ValueError):  # The process has no standard error.
        yield
        return
    with tempfile.NamedTemporaryFile() as held:
        watch = _watch(held.name, original)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(original, 2)
            if watch is not None:
                watch.communicate(b"over\n")
            held.seek(0)
            for line in held:
                if not STARTING_LINES.match(line.decode("utf-8", "replace")):
                    os.write(original, line)
            os.close(original)


def _watch(held: str, original: int) -> "subprocess.Popen[bytes] | None":
    """Start a shell that prints and removes the file if this process dies before it is done."""
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", 'read -r over || { cat "$1"; rm -f "$1"; }', "sh", held],
            stdin=subprocess.PIPE,
            stdout=original,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # An interrupt must not end the shell.
        )
    except OSError:  # There is no such shell, as on Windows.
        return None


class _QuietLoader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        with starting():
            self._loader.exec_module(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _QuietFinder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in NATIVE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _QuietLoader(spec.loader)
        return spec


def quiet_imports() -> None:
    """Import native libraries without their start-up lines from now on, in a program."""
    if not any(isinstance(finder, _QuietFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _QuietFinder())
