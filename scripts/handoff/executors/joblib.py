"""joblib's own processes (loky): what `Parallel(n_jobs=...)` runs its calls on, with its memory-mapping of arrays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from handoff.executors import Initializer, name_semaphores

FACTS = {
    "about": "processes that joblib's Parallel runs its calls on (loky), from clean interpreters",
    "simplicity": 5,
    "needs": ("joblib",),
}

MAPPED_FROM: Final = 2**20
"""Bytes of an array that joblib writes to a file instead of pickling it: Parallel's default, max_nbytes='1M'."""

PATIENCE_S: Final = 5.0
"""For joblib's tracker, a process of its own, to remove the files that nobody maps any more."""


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    from joblib.executor import get_memmapping_executor
    from joblib.externals.loky.backend.synchronize import SemLock

    name_semaphores(SemLock)
    executor = get_memmapping_executor(
        workers, timeout=None, initializer=initializer, initargs=initargs, temp_folder=directory,
        max_nbytes=MAPPED_FROM, mmap_mode="r",
    )  # fmt: skip
    folder = Path(executor._temp_folder)
    try:
        yield executor
    finally:
        executor.terminate()
        patience = time.monotonic() + PATIENCE_S
        while (left := _files(folder)) and time.monotonic() < patience:
            time.sleep(0.01)
        if left:
            raise RuntimeError(f"joblib has left files: {', '.join(left)}")


def _files(folder: Path) -> list[str]:
    """Names of what lies in the folder; it may have gone, or go now."""
    try:
        return [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
