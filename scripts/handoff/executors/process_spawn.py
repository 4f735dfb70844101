"""Processes by spawn: concurrent.futures.ProcessPoolExecutor."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from handoff.executors import Initializer

FACTS = {
    "about": "processes that start from a clean interpreter (ProcessPoolExecutor, spawn)",
    "simplicity": 3,
}


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=initializer, initargs=initargs) as executor:
        yield executor
