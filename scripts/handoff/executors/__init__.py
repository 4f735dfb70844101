"""Executors: one file a way to run a function in another worker.

An executor is a function `start(workers, initializer, initargs)` that gives a context manager of a
concurrent.futures.Executor. Warming it up, and making sure that each of its workers gets one call, is the
measuring side's business (measure/worker.py), and the same for all.

Standard library only: loading this loads no executor.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Any

Initializer = Callable[..., None]
Start = Callable[[int, Initializer, tuple[Any, ...]], AbstractContextManager[Executor]]


def load(name: str) -> Start:
    """The start function of executors/<name>.py."""
    start: Start = importlib.import_module(f"handoff.executors.{name}").start
    return start
