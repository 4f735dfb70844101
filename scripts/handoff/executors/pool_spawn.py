"""Processes by spawn: multiprocessing.Pool, as the article uses it."""

from __future__ import annotations

import multiprocessing
import multiprocessing.pool
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

from handoff.executors import Initializer

FACTS = {
    "about": "processes that start from a clean interpreter (multiprocessing.Pool, spawn)",
    "simplicity": 2,
}


class _PoolExecutor(Executor):
    """A Pool as an Executor. A worker that dies leaves its call waiting for ever (bpo-22393); whoever
    waits here does so under a time limit."""

    def __init__(self, pool: multiprocessing.pool.Pool) -> None:
        self._pool = pool

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._pool.apply_async(fn, args, kwargs, future.set_result, future.set_exception)
        return future


@contextmanager
def start(workers: int, initializer: Initializer, initargs: tuple[Any, ...]) -> Iterator[Executor]:
    pool = multiprocessing.get_context("spawn").Pool(workers, initializer, initargs)
    try:
        yield _PoolExecutor(pool)
    finally:
        pool.close()
        pool.join()
