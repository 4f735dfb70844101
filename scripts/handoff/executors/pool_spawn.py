"""Processes by spawn: multiprocessing.Pool, as the article uses it."""

from __future__ import annotations

import multiprocessing
import multiprocessing.pool
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from typing import Any, Final

from handoff.executors import Initializer

FACTS = {
    "about": "processes that start from a clean interpreter (multiprocessing.Pool, spawn)",
    "simplicity": 2,
}


LOOK_S: Final = 0.5
"""Between two looks at whether the workers still live, while a result does not come."""


class _PoolFuture(Future[Any]):
    """The result of one call. A Pool replaces a worker that dies and forgets its call (bpo-22393): this one notices."""

    def __init__(self, executor: _PoolExecutor) -> None:
        super().__init__()
        self._executor = executor

    def result(self, timeout: float | None = None) -> Any:
        """The call's result, as of any future.

        Raises:
            BrokenExecutor: a worker has died, so that the result may never come.
        """
        if timeout is not None:
            return super().result(timeout)
        while True:
            try:
                return super().result(LOOK_S)
            except TimeoutError:
                if self.done():  # the task's own
                    raise
                if any(process.exitcode is not None for process in self._executor._processes.values()):
                    raise BrokenExecutor("a worker of the pool has died") from None


class _PoolExecutor(Executor):
    """A Pool as an Executor."""

    def __init__(self, pool: multiprocessing.pool.Pool) -> None:
        self._pool = pool
        # The ones that it starts with; as ProcessPoolExecutor calls its own.
        self._processes = {process.pid: process for process in pool._pool}  # type: ignore[attr-defined]

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = _PoolFuture(self)
        self._pool.apply_async(fn, args, kwargs, future.set_result, future.set_exception)
        return future


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    pool = multiprocessing.get_context("spawn").Pool(workers, initializer, initargs)
    try:
        yield _PoolExecutor(pool)
    finally:
        pool.close()
        pool.join()
