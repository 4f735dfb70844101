"""MPI on this machine alone, as mpi, with out-of-band pickling: MPIPoolExecutor(use_pkl5=True)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from handoff.executors import Initializer, mpi

FACTS = {
    "about": "processes that MPI spawns, with large buffers as messages of their own (MPIPoolExecutor, use_pkl5)",
    "simplicity": 11,
    "needs": ("mpi4py",),
}


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    with mpi.pool(workers, directory, initializer, initargs, use_pkl5=True) as executor:
        yield executor
