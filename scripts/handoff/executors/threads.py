"""Threads of one process: concurrent.futures.ThreadPoolExecutor."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from handoff.executors import Initializer

FACTS = {
    "about": "threads of the same process (ThreadPoolExecutor)",
    "simplicity": 1,
    "processes": False,
    "channel_carries_references": True,
}


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    with ThreadPoolExecutor(workers, initializer=initializer, initargs=initargs) as executor:
        yield executor
