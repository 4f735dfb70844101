"""Processes by fork: concurrent.futures.ProcessPoolExecutor, made anew for each payload that they inherit."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from handoff.executors import Initializer

FACTS = {
    "about": "processes that are copies of the sender (ProcessPoolExecutor, fork)",
    "simplicity": 3,
    "safe": False,
    "why_not_safe": "a lock that any thread holds at the fork stays locked in the child for ever: it may hang",
}


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=initializer, initargs=initargs) as executor:
        yield executor
