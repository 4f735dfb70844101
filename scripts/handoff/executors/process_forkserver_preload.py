"""Processes by forkserver, whose server has imported the big packages before: its workers need not.

What is preloaded has to stand being forked. numpy's OpenBLAS stops its threads before a fork, and so does the
allocator in pyarrow with its one thread. Not so Polars: its import starts a thread that nobody stops, and its
documentation forbids a fork. Nor may anything that opens connections or devices be preloaded, as CUDA is.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, Final

from handoff.executors import Initializer, process_forkserver

FACTS = {
    "about": "processes that a server forks which has imported numpy, pandas and pyarrow already, as far as needed",
    "simplicity": 4,
}

PRELOADED: Final = ("numpy", "pandas", "pyarrow")
"""Those of them that the sender has imported: it holds a payload of theirs, and the workers will."""


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    context = multiprocessing.get_context("forkserver")
    # Heard only before the server starts, which it does once a process. The module of what the workers run is what
    # it imports by default, where that is the main one.
    context.set_forkserver_preload([*(name for name in PRELOADED if name in sys.modules), initializer.__module__])
    with process_forkserver.start(workers, directory, initializer, initargs) as executor:
        yield executor
