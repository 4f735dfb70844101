"""loky, joblib's default: processes from a clean interpreter that take functions of any sort and notice a death.

Where psutil is installed, loky replaces a worker that has grown by 300 MB and says so in a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from handoff.executors import Initializer, name_semaphores

FACTS = {
    "about": "processes from a clean interpreter that also take functions defined anywhere (loky)",
    "simplicity": 4,
    "needs": ("loky",),
}


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    import loky  # here, so that the file can be loaded where the package is missing
    import loky.backend.synchronize

    name_semaphores(loky.backend.synchronize.SemLock)
    # Not get_reusable_executor, which has the same workers but ends them when they were idle for ten seconds.
    with loky.ProcessPoolExecutor(workers, initializer=initializer, initargs=initargs) as executor:
        yield executor
