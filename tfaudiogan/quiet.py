"""Keep what native libraries print as they start off the terminal, and nothing else.

TensorFlow and LiteRT write a few lines about processors and drivers to the process's standard
error, below Python and before any setting is read. They are held back until the start is over, and
whatever is not known to be such a line is then passed on.
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
    """Hold the process's standard error back, and pass on all but lines about starting.

    Python's own ``sys.stderr`` writes to the same file descriptor, so what is printed in between,
    including a traceback, comes late but whole. TensorFlow aborts the process on a processor that
    lacks the instructions it was built for; a shell waits for that case and prints what was held.
    """
    try:
        sys.stderr.flush()
        original = os.dup(2)
    except (AttributeError, OSError, ValueError):  # a program without a standard error
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
    """Start a shell that prints and removes the file if this process dies before it says so."""
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", 'read -r over || { cat "$1"; rm -f "$1"; }', "sh", held],
            stdin=subprocess.PIPE,
            stdout=original,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # an interrupt is for the command, not for its watch
        )
    except OSError:  # no such shell, as on Windows
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
    """Import the native libraries in quiet from now on; for programs, not for libraries."""
    if not any(isinstance(finder, _QuietFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _QuietFinder())
