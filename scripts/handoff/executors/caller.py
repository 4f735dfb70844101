"""No other worker: the caller runs the task itself, and leaves the sharing out to the library that it calls."""

from __future__ import annotations

from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Any

from handoff.executors import Initializer, inline, threads

FACTS = {
    "about": "the caller itself, without another worker; several at once are threads of its process",
    "simplicity": 1,
    "processes": False,
    "channel_carries_references": True,
}


def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> AbstractContextManager[Executor]:  # fmt: skip
    start_one = threads.start if workers > 1 else inline.start
    return start_one(workers, directory, initializer, initargs)
